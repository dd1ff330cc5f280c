"""Who the visitor is: login, logout, renewal, and cookies that prove nothing (P3, P4)."""

from coatcheck.core.events import EventName
from coatcheck.wire.tokens import Token

from .harness import HostedScenarios, scenario


class IdentityScenarios(HostedScenarios):
    """Sessions begin, change hands and end."""

    @scenario
    def test_a_login_replaces_the_cookie_and_keeps_what_the_visitor_had(self) -> None:
        with self.serving() as browser:
            browser.get("/set", key="basket", value="full")
            before = browser.twin()
            browser.post("/login", user="ann")
            assert browser.cookie != before.cookie
            assert browser.get("/who").text == "ann"
            assert browser.get("/get", key="basket").text == "'full'"
            assert before.get("/who").text == "nobody"

    @scenario
    def test_the_sessions_of_a_user_are_listed_and_can_be_ended(self) -> None:
        with self.serving() as browser:
            browser.post("/login", user="ann")
            other = self.new_browser()
            other.post("/login", user="ann")
            ann = self.user_key("ann")
            mine = [record for record in self.shelf.records() if record.user == ann]
            assert len(mine) == 2
            for record in mine:
                self.shelf.end(record.id)
            assert browser.get("/who").text == "nobody"
            assert other.get("/who").text == "nobody"

    @scenario
    def test_a_logout_ends_the_session_and_deletes_its_cookie(self) -> None:
        with self.serving() as browser:
            browser.post("/login", user="ann")
            before = browser.twin()
            name = f"{browser.session_cookie}="
            set_line = self._line(browser.post("/count").all("set-cookie"), name)
            assert set_line is None
            gone = self._line(browser.post("/logout").all("set-cookie"), name)
            assert gone is not None
            # A browser keeps a cookie whose deletion does not carry its attributes.
            for attribute in ("path=/", "secure", "httponly"):
                assert attribute in gone.lower()
            assert browser.cookie is None
            assert self.shelf.records() == []
            assert before.get("/who").text == "nobody"
            assert before.get("/get", key="count").text == "None"

    def _line(self, lines: list[str], name: str) -> str | None:
        return next((line for line in lines if line.startswith(name)), None)

    @scenario
    def test_renewing_keeps_the_data_and_makes_the_old_cookie_worthless(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            before = browser.twin()
            browser.post("/renew")
            assert browser.cookie != before.cookie
            assert browser.get("/get", key="count").text == "1"
            assert before.get("/get", key="count").text == "None"

    @scenario
    def test_a_session_that_ran_out_is_not_there_any_more(self) -> None:
        with self.serving(idle_timeout=60) as browser:
            browser.get("/count")
            old = browser.cookie
            self.clock.advance(61)
            self.forget()
            assert browser.get("/get", key="count").text == "None"
            assert self.happened() == [EventName.EXPIRED]
            assert browser.get("/count").text == "1"
            assert browser.cookie != old

    @scenario
    def test_cookies_that_nobody_gave_out_open_nothing_and_are_never_adopted(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            unknown = str(Token.new())
            for value in (unknown, self.forged(browser), "", "x", "\xff" * 8, "a" * 5000):
                thief = self.new_browser()
                thief.cookies[thief.session_cookie] = value
                assert thief.get("/get", key="count").text == "None"
                assert thief.get("/count").text == "1"
                assert thief.cookie not in (value, unknown, browser.cookie)
                assert thief.get("/get", key="count").text == "1"
            assert Token.parse(unknown) is not None
            ids = {record.id for record in self.shelf.records()}
            assert unknown.partition(".")[0] not in ids
            assert browser.get("/get", key="count").text == "1"

    @scenario
    def test_two_cookies_of_the_name_with_other_values_are_both_ignored(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            planted = self.new_browser()
            planted.get("/set", key="count", value="planted")
            name = browser.session_cookie
            for pair in (
                f"{name}={browser.cookie}; {name}={planted.cookie}",
                f"{name}={planted.cookie}; {name}={browser.cookie}",
            ):
                tossed = self.new_browser().begin("GET", "/get", key="count", cookie_header=pair)
                assert tossed.answer().text == "None"
            assert EventName.TOSSED in self.happened()
            assert browser.get("/get", key="count").text == "1"

    @scenario
    def test_the_store_holds_no_cookie_that_would_work(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            before = browser.cookie
            browser.post("/login", user="ann")
            browser.post("/renew")
            assert len(self.shelf.records()) == 1
            kept = self.shelf.everything()
            for cookie in (before, browser.cookie):
                assert cookie is not None
                assert cookie not in kept
                secret = cookie.rpartition(".")[2]
                assert len(secret) >= 22  # 128 bits
                assert secret not in kept
