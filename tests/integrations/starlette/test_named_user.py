"""Applications whose login is a key of the session: the session follows it."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from coatcheck import Sessions
from coatcheck.integrations.starlette import SessionMiddleware, session_of
from coatcheck.stores.memory import MemoryStore


class Place:
    """A site that does to its session what the query says, and tells who is logged in."""

    def __init__(self, **options: Any) -> None:
        self.sessions = Sessions(MemoryStore())
        app = Starlette(routes=[Route("/{what}", self.act)])
        app.add_middleware(SessionMiddleware, sessions=self.sessions, **options)
        self.browser = TestClient(app)

    async def act(self, request: Request) -> Response:
        session = request.session
        match request.path_params["what"]:
            case "set":
                session.update(request.query_params)
            case "clear":
                session.clear()
                session.update(request.query_params)
            case "remove":
                del session[request.query_params["key"]]
            case "login":
                session.clear()
                session_of(request).login(request.query_params["user"])
        return JSONResponse({"held": session})

    def get(self, path: str) -> Any:
        return self.browser.get(path).json()["held"]

    def users(self, *names: object) -> list[int]:
        return [len(self.sessions.of(name)) for name in names]

    @property
    def cookie(self) -> str | None:
        return self.browser.cookies.get("session")


@pytest.mark.parametrize("key", ["user_id", "_user_id", "_auth_user_id"])
def test_a_login_by_key_is_known_and_replaces_the_cookie(key: str) -> None:
    place = Place()
    place.get("/set?basket=full")
    before = place.cookie
    assert place.get(f"/set?{key}=7") == {"basket": "full", key: "7"}
    assert place.users("7") == [1]
    assert place.cookie != before
    browser = TestClient(place.browser.app, cookies={"session": before or ""})
    assert browser.get("/look").json() == {"held": {}}


def test_another_user_gets_a_session_of_their_own_with_what_the_application_left() -> None:
    place = Place()
    place.get("/set?user_id=7&basket=full")
    assert place.get("/set?user_id=8") == {"user_id": "8", "basket": "full"}
    assert place.users("7", "8") == [0, 1]


def test_who_is_removed_is_logged_out_and_what_is_left_is_kept_in_another_session() -> None:
    place = Place()
    place.get("/set?user_id=7&basket=full")
    before = place.cookie
    place.get("/remove?key=user_id")
    assert place.users("7") == [0]
    assert place.cookie not in (None, before)
    assert place.get("/look") == {"basket": "full"}


def test_a_session_that_is_cleared_ends_and_its_cookie_goes() -> None:
    place = Place()
    place.get("/set?user_id=7&basket=full")
    place.get("/clear")
    assert place.users("7") == [0]
    assert place.cookie is None


def test_clearing_logs_out_also_whom_login_has_logged_in() -> None:
    place = Place()
    place.get("/login?user=ann")
    assert place.users("ann") == [1]
    assert place.get("/clear?basket=full") == {"basket": "full"}
    assert place.users("ann") == [0]
    assert place.get("/look") == {"basket": "full"}


def test_clearing_before_a_login_is_no_logout() -> None:
    place = Place()
    place.get("/set?basket=full")
    place.get("/login?user=ann")
    assert place.users("ann") == [1]
    place.get("/clear?user_id=bob")
    assert place.users("ann", "bob") == [0, 1]


def test_a_session_whose_last_key_was_removed_stays() -> None:
    place = Place()
    place.get("/set?basket=full")
    before = place.cookie
    place.get("/remove?key=basket")
    assert place.cookie == before


def test_other_keys_can_be_named_or_none() -> None:
    place = Place(user_keys=["member"])
    place.get("/set?user_id=7")
    place.get("/set?member=8")
    assert place.users("7", "8") == [0, 1]
    place = Place(user_keys=[])
    place.get("/set?user_id=7")
    assert place.users("7") == [0]
