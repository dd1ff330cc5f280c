"""What is kept, and from when on: types, nested changes, flashes, commit before the first byte."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import UUID

from .harness import HostedScenarios, scenario

VALUES: Final[dict[str, Any]] = {
    "when": datetime(2026, 11, 21, 12, 30, 0, 123456, tzinfo=UTC),
    "day": date(2026, 11, 21),
    "span": timedelta(hours=36, microseconds=5),
    "price": Decimal("12.50"),
    "id": UUID("12345678-1234-5678-1234-567812345678"),
    "tags": {"a"},
    "pair": (1, "two"),
    "raw": b"\x00\xff",
    "numbers": {1: "one", 2: [2.5, None, True]},
}
"""What the route ``/values`` puts into the session."""


class ValueScenarios(HostedScenarios):
    """Saved as a whole, before the visitor hears of it (P6, P7)."""

    @scenario
    def test_values_come_back_with_their_types(self) -> None:
        with self.serving() as browser:
            browser.get("/values")
            for key, value in VALUES.items():
                assert browser.get("/get", key=key).text == repr(value)

    @scenario
    def test_changes_inside_a_value_are_saved_without_a_word(self) -> None:
        with self.serving() as browser:
            for item in ("hat", "coat"):
                browser.get("/nested", value=item)
            assert browser.get("/get", key="cart").text == "{'items': ['hat', 'coat']}"

    @scenario
    def test_a_deleted_key_is_gone_and_the_others_stay(self) -> None:
        with self.serving() as browser:
            browser.get("/set", key="a", value="1")
            browser.get("/set", key="b", value="2")
            assert browser.get("/delete", key="a").status == 200
            assert browser.get("/get", key="a").text == "None"
            assert browser.get("/get", key="b").text == "'2'"

    @scenario
    def test_a_flash_is_shown_once(self) -> None:
        with self.serving() as browser:
            browser.post("/flash", text="saved")
            browser.post("/flash", text="sent")
            assert browser.get("/flashes").text == "saved|sent"
            assert browser.get("/flashes").text == ""

    @scenario
    def test_the_page_after_a_redirect_sees_what_the_post_wrote(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            answer = browser.post("/redirect", value="done")
            assert answer.status in (302, 303)
            assert browser.get(answer.header("location")).text == "'done'"

    @scenario
    def test_everything_is_in_the_store_before_the_first_byte_leaves(self) -> None:
        with self.serving() as browser:
            for path in ("/set", "/stream"):
                browser.get("/count")
                done: list[str] = []
                self.store.run_after("commit", partial(done.append, "saved"))
                sent = partial(done.append, "first byte")
                answer = browser.begin("GET", path, key="k", value=path, began=sent).answer()
                assert answer.status == 200
                assert done == ["saved", "first byte"], path

    @scenario
    def test_a_stream_begins_with_what_it_changed_saved_and_changes_nothing_later(self) -> None:
        with self.serving() as browser:
            assert browser.get("/stream", value="kept").text == "abc"
            assert browser.get("/get", key="streamed").text == "'kept'"
            assert browser.get("/late").text == "refused"
            assert browser.get("/get", key="late").text == "None"

    @scenario
    def test_a_view_that_fails_saves_nothing_of_what_it_had_begun(self) -> None:
        with self.serving() as browser:
            browser.get("/count")
            for path in ("/raise", "/error"):
                answer = browser.get(path, value="half done")
                assert answer.status == 500
                assert answer.all("set-cookie") == []
                assert browser.get("/get", key="failed").text == "None"
            fresh = self.new_browser()
            fresh.get("/raise", value="half done")
            assert fresh.cookie is None
            assert len(self.shelf.records()) == 1

    @scenario
    def test_an_answer_that_is_no_failure_saves(self) -> None:
        with self.serving() as browser:
            assert browser.get("/missing", value="noted").status == 404
            assert browser.get("/get", key="missed").text == "'noted'"
