"""A store that does not answer: pages without a session work, the others say so."""

from .client import Answer
from .harness import HostedScenarios, scenario


class OutageScenarios(HostedScenarios):
    """Never a silent anonymous visitor, never a lost cookie."""

    @scenario
    def test_while_the_store_is_down_pages_that_need_it_answer_503(self) -> None:
        with self.serving() as browser:
            browser.post("/login", user="ann")
            self.faults.down = True
            for path in ("/who", "/count", "/get?key=count"):
                self._unavailable(browser.get(path))
            self.faults.down = False
            assert browser.get("/who").text == "ann"
            assert browser.get("/count").text == "1"

    @scenario
    def test_while_the_store_is_down_pages_that_do_not_touch_it_work(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            self.faults.down = True
            if not self.awaitable:  # such a store is asked before the view runs
                assert browser.get("/untouched").text == "untouched"
            assert self.new_browser().get("/untouched").text == "untouched"

    @scenario
    def test_a_store_that_fails_to_save_answers_503_in_place_of_the_page(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            for verb in ("commit", "create"):
                self.faults.lose_request(verb, 1)
            self.faults.lose_request("commit", 2)  # a commit is offered twice
            self._unavailable(browser.get("/count"))
            fresh = self.new_browser()
            self._unavailable(fresh.get("/count"))
            assert fresh.cookie is None
            assert browser.get("/count").text == "2"

    def _unavailable(self, answer: Answer) -> None:
        assert answer.status == 503
        assert int(answer.header("retry-after")) > 0
        assert answer.all("set-cookie") == []
        assert b"nobody" not in answer.body
