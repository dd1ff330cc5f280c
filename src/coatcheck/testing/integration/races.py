"""Two requests of one visitor at once: nothing is lost silently, and ended is terminal (P1, P3)."""

from coatcheck.core.events import EventName

from .harness import HostedScenarios, scenario


class RaceScenarios(HostedScenarios):
    """The slow request has done its work and is stopped just before it is saved."""

    @scenario
    def test_different_keys_of_two_overlapping_requests_are_both_kept(self) -> None:
        with self.serving(racing=True) as browser:
            browser.get("/set", key="first", value="1")
            self.forget()
            stop = self.stop_before("commit")
            slow = browser.begin("GET", "/set", key="slow", value="2")
            with stop.reached():
                assert browser.get("/set", key="quick", value="3").status == 200
            assert slow.answer().status == 200
            held = [browser.get("/get", key=key).text for key in ("first", "slow", "quick")]
            assert held == ["'1'", "'2'", "'3'"]
            assert EventName.CONFLICT not in self.happened()

    @scenario
    def test_a_race_for_one_key_is_settled_by_the_later_write_and_reported(self) -> None:
        with self.serving(racing=True) as browser:
            browser.get("/count")
            self.forget()
            stop = self.stop_before("commit")
            slow = browser.begin("GET", "/count")
            with stop.reached():
                assert browser.get("/count").text == "2"
            assert slow.answer().text == "2"
            assert browser.get("/get", key="count").text == "2"
            reported = [event for event in self.events if event.name is EventName.CONFLICT]
            assert [event.keys for event in reported] == [{"count"}]

    @scenario
    def test_overlapping_increments_of_safe_requests_both_count_when_they_take_turns(self) -> None:
        with self.serving(racing=True, isolation="serializable") as browser:
            browser.get("/count")
            stop = self.stop_before("commit")
            slow = browser.begin("GET", "/count")
            with stop.reached():
                assert browser.get("/count").text == "2"
            answer = slow.answer()
            assert (answer.status, answer.text) == (200, "3")
            assert browser.get("/get", key="count").text == "3"

    @scenario
    def test_overlapping_increments_of_unsafe_requests_both_count_when_they_take_turns(
        self,
    ) -> None:
        with self.serving(racing=True, isolation="serializable") as browser:
            browser.get("/count")
            saving = self.stop_before("commit")
            slow = browser.begin("POST", "/count")
            with saving.reached():
                asking = self.stop_after("load")
                quick = browser.begin("POST", "/count")
                with asking.reached():
                    pass  # it has heard that it has to wait
            assert sorted([slow.answer().text, quick.answer().text]) == ["2", "3"]
            assert browser.get("/get", key="count").text == "3"
            assert self.only_record().lease is None

    @scenario
    def test_a_reader_does_not_wait_for_a_request_that_writes(self) -> None:
        with self.serving(racing=True, isolation="serializable") as browser:
            browser.get("/count")
            stop = self.stop_before("commit")
            slow = browser.begin("POST", "/count")
            with stop.reached():
                assert browser.get("/get", key="count").text == "1"
            assert slow.answer().text == "2"

    @scenario
    def test_a_logout_beside_a_slow_request_stays_a_logout(self) -> None:
        with self.serving(racing=True) as browser:
            browser.post("/login", user="ann")
            self.forget()
            tab = browser.twin()
            old = browser.cookie
            stop = self.stop_before("commit")
            slow = browser.begin("GET", "/set", key="slow", value="1")
            with stop.reached():
                tab.post("/logout")
                assert tab.cookie is None
            assert slow.answer().all("set-cookie") == []
            assert self.shelf.records() == []
            assert EventName.DROPPED in self.happened()
            assert browser.cookie == old
            assert browser.get("/who").text == "nobody"
            assert self.shelf.records() == []

    @scenario
    def test_a_login_beside_a_slow_request_stays_a_login(self) -> None:
        with self.serving(racing=True) as browser:
            browser.get("/set", key="basket", value="full")
            stop = self.stop_before("commit")
            slow = browser.begin("GET", "/set", key="slow", value="1")
            with stop.reached():
                browser.post("/login", user="ann")
            # Whatever became of its own change, it does not touch the newer cookie.
            assert slow.answer().all("set-cookie") == []
            assert browser.get("/who").text == "ann"
            assert browser.get("/get", key="basket").text == "'full'"

    @scenario
    def test_a_request_with_the_cookie_from_before_the_login_spoils_nothing(self) -> None:
        with self.serving() as browser:
            browser.get("/set", key="basket", value="full")
            late = browser.twin()
            browser.post("/login", user="ann")
            assert late.get("/who").text == "nobody"
            assert late.get("/set", key="late", value="1").all("set-cookie") == []
            assert browser.get("/who").text == "ann"
            assert len(self.shelf.records()) == 1
