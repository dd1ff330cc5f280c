"""What a page costs, and what must not happen: no read, no write, no cookie, no header (P2)."""

from .harness import HostedScenarios, scenario


class CostScenarios(HostedScenarios):
    """Counted in calls of the store."""

    @scenario
    def test_an_untouched_page_asks_no_store_and_carries_nothing_of_the_session(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            self.forget()
            answer = browser.get("/untouched")
            assert (answer.status, answer.text) == (200, "untouched")
            # A store that is awaited is asked before the view runs, which could not wait for it.
            assert self.calls() == ({"load": 1} if self.awaitable else {})
            assert answer.all("set-cookie") == []
            assert "cookie" not in answer.header("vary").lower()
            assert "private" not in answer.header("cache-control")

    @scenario
    def test_a_page_that_reads_asks_once_and_writes_nothing(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            self.forget()
            answer = browser.get("/get", key="count")
            assert answer.text == "1"
            assert self.calls() == {"load": 1}
            assert answer.all("set-cookie") == []

    @scenario
    def test_a_page_that_writes_asks_twice(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            self.forget()
            assert browser.get("/count").text == "2"
            assert self.calls() == {"load": 1, "commit": 1}

    @scenario
    def test_a_visitor_without_a_session_who_only_looks_is_given_none(self) -> None:
        with self.serving() as browser:
            answer = browser.get("/get", key="count")
            assert answer.text == "None"
            assert self.calls() == {}
            assert answer.all("set-cookie") == []
            assert "cookie" in answer.header("vary").lower()

    @scenario
    def test_reading_pushes_the_deadline_now_and_then_without_a_commit(self) -> None:
        with self.serving(idle_timeout=1000) as browser:
            browser.get("/count")
            self.forget()
            self.clock.advance(99)
            browser.get("/get", key="count")
            assert self.calls() == {"load": 1}
            self.clock.advance(1)
            answer = browser.get("/get", key="count")
            assert self.calls() == {"load": 2, "touch": 1}
            assert answer.all("set-cookie") == []
            self.clock.advance(999)
            assert browser.get("/get", key="count").text == "1"
