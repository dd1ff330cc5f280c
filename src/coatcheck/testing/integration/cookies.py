"""The cookie, and the headers that keep a shared cache from handing it to somebody else."""

from .harness import HostedScenarios, scenario


class CookieScenarios(HostedScenarios):
    """Set when something about it changed, and never otherwise."""

    @scenario
    def test_over_https_the_cookie_is_secure_and_out_of_reach_of_scripts(self) -> None:
        with self.serving() as browser:
            (line,) = browser.get("/count").all("set-cookie")
            pair, *attributes = [part.strip().lower() for part in line.split(";")]
            assert pair.startswith(f"{browser.session_cookie.lower()}=")
            assert {"path=/", "secure", "httponly", "samesite=lax"} <= set(attributes)
            assert not any(attribute.startswith("domain") for attribute in attributes)

    @scenario
    def test_over_plain_http_the_cookie_works_too(self) -> None:
        with self.serving() as _:
            browser = self.new_browser(https=False)
            (line,) = browser.get("/count").all("set-cookie")
            assert "secure" not in [part.strip().lower() for part in line.split(";")]
            assert not line.startswith("__Host-")
            assert browser.get("/count").text == "2"

    @scenario
    def test_the_cookie_is_set_once_and_not_with_every_change(self) -> None:
        with self.serving() as browser:
            assert len(browser.get("/count").all("set-cookie")) == 1
            assert browser.get("/count").all("set-cookie") == []
            assert len(browser.post("/renew").all("set-cookie")) == 1

    @scenario
    def test_a_page_from_the_session_is_kept_from_shared_caches(self) -> None:
        with self.serving() as browser:
            for path in ("/count", "/get?key=count"):
                answer = browser.get(path)
                assert "cookie" in answer.header("vary").lower()
                assert "private" in answer.header("cache-control")
                assert "no-store" not in answer.header("cache-control")

    @scenario
    def test_the_application_s_own_cache_control_stays(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            answer = browser.get("/cached")
            assert answer.all("cache-control") == ["public, max-age=60"]
            vary = [word.strip().lower() for word in answer.header("vary").split(",")]
            assert sorted(vary) == ["accept", "cookie"]
