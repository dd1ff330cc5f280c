"""The ASGI middleware: what it asks of the store, when it commits, and what a lost race does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from coatcheck import Event, EventName, SessionPolicy, Sessions, StoreUnavailable
from coatcheck.core.errors import SessionReadOnly
from coatcheck.integrations.asgi import SessionMiddleware
from coatcheck.integrations.starlette import session_of
from coatcheck.integrations.threaded import Phases
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing.barrier import BarrierStore
from coatcheck.testing.counting import CountingStore
from coatcheck.testing.faulty import FaultyStore
from coatcheck.wire.codec import encode
from tests.integrations.clients import client, run

CLIENTS = 16
METHODS = ["GET", "POST"]


def sessions(store: Any = None, events: list[Event] | None = None, **policy: Any) -> Sessions:
    listener = (lambda event: None) if events is None else events.append
    policy.setdefault("isolation", "serializable")
    return Sessions(
        MemoryStore() if store is None else store,
        policy=SessionPolicy(**policy),
        listener=listener,
    )


def site(
    engine: Sessions, *views: Callable[..., Any], inner: Any = (), **options: Any
) -> Starlette:
    """An application with each view under its name."""
    return Starlette(
        routes=[Route(f"/{view.__name__}", view, methods=METHODS) for view in views],
        middleware=[Middleware(SessionMiddleware, sessions=engine, **options), *inner],
    )


def counter(request: Request) -> Response:
    count = request.session.get("visit_count", 0)
    time.sleep(0.001)
    request.session["visit_count"] = count + 1
    return PlainTextResponse(str(count + 1))


async def async_counter(request: Request) -> Response:
    count = request.session.get("visit_count", 0)
    await asyncio.sleep(0.001)
    request.session["visit_count"] = count + 1
    return PlainTextResponse(str(count + 1))


def untouched(request: Request) -> Response:
    return PlainTextResponse("page")


def reading(request: Request) -> Response:
    return PlainTextResponse(str(request.session.get("visit_count")))


async def async_reading(request: Request) -> Response:
    return PlainTextResponse(str(request.session.get("visit_count")))


class Passing(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        return response


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("view", [counter, async_counter])
def test_sixteen_clients_with_one_cookie_lose_no_visit(method: str, view: Any) -> None:
    inner = [Middleware(Passing), Middleware(GZipMiddleware)]
    app = site(sessions(), view, inner=inner)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get(f"/{view.__name__}")

            async def visit() -> None:
                for _ in range(10):
                    answer = await browser.request(method, f"/{view.__name__}")
                    assert answer.status_code == 200

            await asyncio.gather(*[visit() for _ in range(CLIENTS)])
            last = await browser.get(f"/{view.__name__}")
            assert last.text == str(CLIENTS * 10 + 2)

    run(scenario)


def test_an_untouched_page_asks_no_store_a_read_asks_once_a_write_twice() -> None:
    store = CountingStore(MemoryStore())
    app = site(sessions(store), counter, async_counter, reading, untouched)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/counter")
            assert store.calls == {"create": 1}
            for path, calls in {
                "/untouched": {},
                "/reading": {"load": 1},
                "/counter": {"load": 1, "commit": 1},
                "/async_counter": {"load": 1, "commit": 1},
            }.items():
                store.forget()
                await browser.get(path)
                assert store.calls == calls, path

    run(scenario)


def test_a_visitor_without_a_cookie_asks_no_store_unless_something_is_written() -> None:
    store = CountingStore(MemoryStore())
    app = site(sessions(store), reading)

    async def scenario() -> None:
        async with client(app) as browser:
            answer = await browser.get("/reading")
            assert store.calls == {}
            assert "set-cookie" not in answer.headers
            assert answer.headers["vary"] == "Cookie"
            assert answer.headers["cache-control"] == "private, no-cache"

    run(scenario)


def test_an_untouched_page_carries_no_header_of_the_session() -> None:
    app = site(sessions(), untouched)

    async def scenario() -> None:
        async with client(app) as browser:
            answer = await browser.get("/untouched")
            assert "vary" not in answer.headers
            assert "cache-control" not in answer.headers

    run(scenario)


def test_a_losing_run_sends_nothing_and_its_background_task_never_runs() -> None:
    runs: list[int] = []
    sent: list[int] = []
    events: list[Event] = []
    engine = sessions(events=events)

    def racing(request: Request) -> Response:
        count = request.session.get("n", 0)
        runs.append(count)
        if len(runs) == 2:  # another request gets in between the read and the commit
            other = engine.open(view_of(request))
            other["n"] = 40
            engine.commit(other, view_of(request))
        request.session["n"] = count + 1
        return PlainTextResponse(str(count + 1), background=BackgroundTask(sent.append, count))

    app = site(engine, racing)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/racing")
            answer = await browser.get("/racing")
            assert answer.text == "41"

    run(scenario)
    assert runs == [0, 1, 40]
    assert sent == [0, 40]
    assert [event.name for event in events].count(EventName.RERUN) == 1


def test_a_losing_stream_is_stopped_and_the_second_run_streams_from_the_start() -> None:
    engine = sessions()
    runs: list[int] = []

    async def streaming(request: Request) -> Response:
        count = request.session.get("n", 0)
        runs.append(count)
        if len(runs) == 2:
            other = engine.open(view_of(request))
            other["n"] = 7
            engine.commit(other, view_of(request))
        request.session["n"] = count + 1

        async def chunks() -> AsyncIterator[str]:
            for number in range(3):
                yield f"{count}:{number} "

        return StreamingResponse(chunks())

    app = site(engine, streaming)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/streaming")
            answer = await browser.get("/streaming")
            assert answer.text == "7:0 7:1 7:2 "

    run(scenario)


def test_a_post_keeps_other_writers_waiting_and_is_run_once() -> None:
    runs: list[str] = []
    app_started = asyncio.Event()

    async def slow(request: Request) -> Response:
        runs.append(request.method)
        app_started.set()
        count = request.session.get("n", 0)
        await asyncio.sleep(0.05)
        request.session["n"] = count + 1
        return PlainTextResponse("ok")

    async def quick(request: Request) -> Response:
        request.session["n"] = request.session.get("n", 0) + 1
        return PlainTextResponse("ok")

    app = site(sessions(), slow, quick, reading)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/quick")
            post = asyncio.create_task(browser.post("/slow"))
            await app_started.wait()
            answers = await asyncio.gather(*[browser.get("/quick") for _ in range(5)])
            await post
            assert {answer.status_code for answer in answers} == {200}
            store = await browser.get("/reading")
            assert store.status_code == 200

    run(scenario)
    assert runs == ["POST"]


def test_a_reader_does_not_wait_for_a_lease() -> None:
    holding, done = asyncio.Event(), asyncio.Event()

    async def holder(request: Request) -> Response:
        request.session["n"] = 1
        holding.set()
        await done.wait()
        return PlainTextResponse("ok")

    app = site(sessions(), holder, reading)

    async def scenario() -> None:
        async with client(app) as browser:
            done.set()
            await browser.post("/holder")
            done.clear()
            holding.clear()
            post = asyncio.create_task(browser.post("/holder"))
            await holding.wait()
            answer = await browser.get("/reading")  # would wait for ever if it waited at all
            assert answer.status_code == 200
            assert not post.done()
            done.set()
            await post

    run(scenario, seconds=10)


def test_the_lease_is_given_back_when_the_view_fails_or_saves_nothing() -> None:
    store = MemoryStore()

    def failing(request: Request) -> Response:
        request.session["n"] = "half done"
        raise RuntimeError("on purpose")

    async def refused(request: Request) -> Response:
        request.session["n"] = "half done"
        return PlainTextResponse("no", status_code=500)

    app = site(sessions(store), counter, failing, refused, untouched)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/counter")
            with pytest.raises(RuntimeError, match="on purpose"):
                await browser.post("/failing")
            await browser.post("/refused")
            await browser.post("/untouched")
            assert (await browser.post("/counter")).text == "2"
            (record,) = store._records.values()
            assert record.lease is None
            assert "n" not in record.fields

    run(scenario, seconds=10)


def test_a_store_that_is_down_answers_503_with_retry_after_and_keeps_the_cookie(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FaultyStore(MemoryStore())
    app = site(sessions(store), counter, untouched)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/counter")
            for verb in ("load", "commit"):
                for call in (1, 2):  # a commit is offered twice
                    store.lose_request(verb, call)
            answers = [await browser.get("/counter"), await browser.get("/untouched")]
            assert [answer.status_code for answer in answers] == [503, 200]
            assert caplog.text.count("/counter answered with 503: ") == 1
            assert answers[0].headers["retry-after"] == "2"
            assert "set-cookie" not in answers[0].headers

    run(scenario)


def test_changing_the_session_while_streaming_is_refused_aloud() -> None:
    refusals: list[str] = []

    async def streaming(request: Request) -> Response:
        request.session["n"] = 1

        async def chunks() -> AsyncIterator[str]:
            yield "a"
            try:
                request.session["n"] = 2
            except SessionReadOnly as error:
                refusals.append(str(error))

        return StreamingResponse(chunks())

    async def scenario() -> None:
        async with client(site(sessions(), streaming)) as browser:
            await browser.get("/streaming")

    run(scenario)
    assert "after the response had started" in refusals[0]


def test_a_route_that_only_reads_takes_no_lease_and_refuses_changes() -> None:
    store = CountingStore(MemoryStore())
    app = site(
        sessions(store),
        counter,
        reading,
        mode=lambda scope: "read" if scope["path"] == "/reading" else None,
    )

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/counter")
            store.forget()
            await browser.post("/reading")
            assert store.calls == {"load": 1}

    run(scenario)


def test_two_cookies_of_the_name_with_other_values_are_both_ignored() -> None:
    events: list[Event] = []
    app = site(sessions(events=events), counter)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/counter")
            cookie = browser.cookies["session"]
            async with client(app) as other:
                header = {"Cookie": f"session={cookie}; session=planted"}
                assert (await other.get("/counter", headers=header)).text == "1"
            assert (await browser.get("/counter")).text == "2"

    run(scenario)
    assert EventName.TOSSED in [event.name for event in events]


def test_a_losing_unsafe_request_is_told_so_and_not_run_again() -> None:
    engine = sessions(isolation="merge", on_conflict="raise")
    runs: list[int] = []

    def racing(request: Request) -> Response:
        count = request.session.get("n", 0)
        runs.append(count)
        if len(runs) == 2:
            other = engine.open(view_of(request))
            other["n"] = 5
            engine.commit(other, view_of(request))
        request.session["n"] = count + 1
        return PlainTextResponse("ok")

    async def scenario() -> None:
        async with client(site(engine, racing)) as browser:
            await browser.post("/racing")
            answer = await browser.post("/racing")
            assert answer.status_code == 409
            assert "send this one again" in answer.text

    run(scenario)
    assert runs == [0, 1]


def test_busy_sessions_answer_503_after_the_policy_s_wait() -> None:
    holding, done = asyncio.Event(), asyncio.Event()

    async def holder(request: Request) -> Response:
        holding.set()
        await done.wait()
        return PlainTextResponse("ok")

    app = site(sessions(wait=0.05), counter, holder)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/counter")
            post = asyncio.create_task(browser.post("/holder"))
            await holding.wait()
            answer = await browser.post("/counter")
            assert answer.status_code == 503
            assert "retry-after" in answer.headers
            done.set()
            await post
            assert (await browser.post("/counter")).text == "2"

    run(scenario, seconds=10)


def view_of(request: Request) -> Any:
    from coatcheck.integrations.asgi import request_view

    return request_view(request.scope)


def test_a_page_that_only_reads_needs_no_thread_over_a_store_that_reads_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = site(sessions(BarrierStore(MemoryStore())), async_counter, async_reading)

    async def scenario() -> None:
        async with client(app) as browser:
            await browser.get("/async_counter")

            async def no_thread(self: Any, phase: Any) -> Any:
                raise AssertionError("a thread was asked to do what needs none")

            monkeypatch.setattr(Phases, "_hop", no_thread)
            assert (await browser.get("/async_reading")).text == "1"
            with pytest.raises(AssertionError, match="a thread was asked"):
                await browser.get("/async_counter")

    run(scenario)


@pytest.mark.parametrize("kind", ["in place", "in a thread"])
@pytest.mark.parametrize("streams", [False, True])
def test_p7_the_commit_is_in_the_store_before_the_response_s_first_byte(
    kind: str, streams: bool
) -> None:
    store = MemoryStore()
    engine = sessions(store if kind == "in place" else BarrierStore(store))
    seen: list[str] = []

    async def view(request: Request) -> Response:
        request.session["visit_count"] = 1
        if not streams:
            return PlainTextResponse("first byte")

        async def body() -> AsyncIterator[bytes]:
            yield b"first byte"

        return StreamingResponse(body())

    async def scenario() -> None:
        async def send(message: Any) -> None:
            # What a visitor could read by now is what another request finds.
            found = [dict(record.fields) for record in store._records.values()]
            seen.append(f"{message['type']}: {found}")

        async def receive() -> Any:
            await asyncio.Event().wait()  # the visitor stays, and says nothing more

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/view",
            "raw_path": b"/view",
            "root_path": "",
            "query_string": b"",
            "scheme": "http",
            "headers": [],
            "http_version": "1.1",
            "server": ("localhost", 80),
        }
        await site(engine, view)(scope, receive, send)

    run(scenario)
    stored = {"visit_count": encode(1)}
    assert seen[0] == f"http.response.start: {[stored]}"
    assert len(seen) >= 2


def test_the_store_error_reaches_nobody_else() -> None:
    """A StoreUnavailable that a view raises by itself is answered in the same way."""

    def down(request: Request) -> Response:
        raise StoreUnavailable("the shop's own database is down")

    async def scenario() -> None:
        async with client(site(sessions(), down)) as browser:
            answer: httpx2.Response = await browser.get("/down")
            assert answer.status_code == 503
            assert "shop" not in answer.text

    run(scenario)


def test_a_session_that_began_can_be_named_after_its_commit() -> None:
    begun: list[Any] = []

    def beginning(request: Request) -> Response:
        session = session_of(request)
        session["n"] = 1
        assert session.handle == ""
        begun.append(session)
        return PlainTextResponse("ok")

    async def scenario() -> None:
        async with client(site(sessions(), beginning)) as browser:
            await browser.get("/beginning")

    run(scenario)
    assert begun[0].handle
    assert not begun[0].is_new
    assert begun[0]["n"] == 1


@pytest.mark.parametrize("isolation", ["merge", "serializable"])
def test_what_is_committed_early_is_stored_at_once_and_the_rest_with_the_response(
    isolation: str,
) -> None:
    store = CountingStore(MemoryStore())
    seen: list[dict[str, int]] = []

    async def early(request: Request) -> Response:
        session = session_of(request)
        session["a"] = session.get("a", 0) + 1
        await session.commit()
        await session.commit()  # nothing to do
        seen.append(store.calls)
        session["b"] = session.get("b", 0) + 1
        return PlainTextResponse(str(dict(session)))

    async def scenario() -> None:
        async with client(site(sessions(store, isolation=isolation), early)) as browser:
            first = await browser.post("/early")
            assert len(first.headers.get_list("set-cookie")) == 1
            assert seen == [{"create": 1}]
            again = await browser.post("/early")
            assert again.text == "{'a': 2, 'b': 2}"
            assert "set-cookie" not in again.headers
            (record,) = store.wrapped._records.values()  # type: ignore[union-attr]
            assert record.lease is None

    run(scenario)


def test_what_is_to_be_ended_is_ended_also_when_the_lease_cannot_be_given_back() -> None:
    class Failing(MemoryStore):
        down = False

        def release(self, id: str, holder: str) -> None:
            if self.down:
                raise StoreUnavailable("the store is down")
            super().release(id, holder)

    store = Failing()
    ended = []

    def failing(request: Request) -> Response:
        async def ending() -> None:
            ended.append(request.url.path)

        request.scope["coatcheck.visit"].at_end.append(ending)
        store.down = True
        raise RuntimeError("the view fails")

    async def scenario() -> None:
        async with client(site(sessions(store), counter, failing)) as browser:
            await browser.post("/counter")
            await browser.post("/failing")

    with pytest.raises(StoreUnavailable):
        run(scenario)
    assert ended == ["/failing"]
