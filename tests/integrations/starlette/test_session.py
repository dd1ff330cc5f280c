"""``request.session`` keeps what Starlette promises of it, and what people do to it."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from coatcheck import SessionPolicy, Sessions
from coatcheck.core import bridge
from coatcheck.core.engine import Visit
from coatcheck.core.http import RequestView
from coatcheck.integrations.starlette import SessionMiddleware, StarletteSession
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore

VIEW = RequestView("GET", False, [])


def session(**held: Any) -> StarletteSession:
    """A session that holds *held*, none of it touched yet in this request."""
    sessions = Sessions(MemoryStore())

    def opened(view: RequestView) -> StarletteSession:
        found = sessions.lifecycle.open(view, Visit(sessions, view), StarletteSession)
        assert isinstance(found, StarletteSession)
        return found

    first = opened(VIEW)
    first.update(held)
    line = sessions.commit(first, VIEW).set_cookie
    cookies = [line.partition(";")[0].encode()] if line else []
    return opened(RequestView("GET", False, cookies))


def test_it_is_a_dict_in_the_eyes_of_all_who_ask() -> None:
    here = session(a=1, b=[2])
    assert isinstance(here, dict)
    assert json.dumps(here) == json.dumps(here, indent=None) == '{"a": 1, "b": [2]}'
    assert json.loads(json.dumps(here, indent=2)) == {"a": 1, "b": [2]}
    assert json.dumps(session()) == "{}"
    assert dict(here) == {**here} == here.copy() == copy.copy(here) == {"a": 1, "b": [2]}
    assert type(here.copy()) is dict
    assert here == {"a": 1, "b": [2]}
    plain = {"a": 1, "b": [2]}
    assert plain == here
    assert here | {"c": 3} == {"a": 1, "b": [2], "c": 3}
    assert {"a": 0, "z": 9} | here == {"a": 1, "z": 9, "b": [2]}
    assert list(reversed(here)) == ["b", "a"]
    assert dict(**here) == {"a": 1, "b": [2]}


def test_it_can_be_empty_and_is_false_then() -> None:
    here = session()
    assert not here
    assert len(here) == 0
    assert here == {}
    assert list(here.items()) == []


def test_who_reads_a_dict_past_its_methods_meets_an_error_and_no_empty_session() -> None:
    with pytest.raises(TypeError):
        "".join(dict.keys(session(a=1)))  # as orjson does it, in C


def test_what_was_done_is_told_without_being_marked() -> None:
    here = session(a=[1])
    assert (here.accessed, here.modified) == (False, False)
    here.mark_accessed()
    assert (here.accessed, here.modified) == (False, False)
    here.get("a")
    assert (here.accessed, here.modified) == (True, False)
    here.pop("missing", None)
    here.setdefault("a", 2)
    assert not here.modified
    here["a"].append(2)
    assert here.modified


CHANGES: dict[str, Callable[[Any], Any]] = {
    "set": lambda session: session.__setitem__("c", 3),
    "delete": lambda session: session.__delitem__("a"),
    "pop": lambda session: session.pop("a"),
    "popitem": lambda session: session.popitem(),
    "clear": lambda session: session.clear(),
    "setdefault": lambda session: session.setdefault("c", 3),
    "update": lambda session: session.update(c=3),
    "or": lambda session: session.__ior__({"c": 3}),
}


@pytest.mark.parametrize("way", CHANGES)
def test_each_way_to_change_it_is_a_change(way: str) -> None:
    here = session(a=1, b=2)
    CHANGES[way](here)
    assert here.modified


def test_mark_modified_is_understood_and_not_needed() -> None:
    here = session(a=1)
    here.mark_modified()
    assert here.accessed
    assert not here.modified


# -- what applications put in its place ---------------------------------------------------------


def site(*views: Callable[..., Any], store: Any = None, **options: Any) -> TestClient:
    app = Starlette(routes=[Route(f"/{view.__name__}", view) for view in views])
    sessions = Sessions(store or MemoryStore(), policy=SessionPolicy())
    app.add_middleware(SessionMiddleware, sessions=sessions, **options)
    return TestClient(app)


def show(request: Request) -> Response:
    return JSONResponse(request.session)


async def fill(request: Request) -> Response:
    request.session.update(a=1, b=2)
    return JSONResponse(request.session)


async def swap(request: Request) -> Response:
    request.scope["session"] = {"c": 3}
    return JSONResponse(request.session)


async def drop(request: Request) -> Response:
    request.scope["session"] = {}
    return JSONResponse({})


@pytest.mark.parametrize("awaited", [False, True])
def test_a_plain_dict_put_in_its_place_is_what_it_holds_from_then_on(awaited: bool) -> None:
    store = bridge.Awaitable(MemoryStore()) if awaited else MemoryStore()
    browser = site(show, fill, swap, drop, store=store)
    assert browser.get("/fill").json() == {"a": 1, "b": 2}
    assert browser.get("/swap").json() == {"c": 3}
    assert browser.get("/show").json() == {"c": 3}
    assert browser.get("/drop").json() == {}
    assert browser.get("/show").json() == {}


def test_a_visitor_whose_session_is_replaced_by_nothing_is_given_none() -> None:
    store = CountingStore(MemoryStore())
    assert "set-cookie" not in site(drop, store=store).get("/drop").headers
    assert store.calls == {}


def test_a_response_with_500_keeps_what_was_there_also_when_it_was_replaced() -> None:
    async def fail(request: Request) -> Response:
        request.scope["session"] = {"failed": True}
        return JSONResponse({}, status_code=500)

    browser = site(show, fill, fail)
    browser.get("/fill")
    browser.get("/fail")
    assert browser.get("/show").json() == {"a": 1, "b": 2}
