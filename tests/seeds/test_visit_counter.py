"""Notes 004: the basic moves once more, the cart, and the visit counter under load."""

import asyncio
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from coatcheck.web import App, path
from tests.seeds.snippets import Notes, runnable

VISITS, AT_ONCE = 202, 8


def browser(*routes: Any, store: str = "memory://") -> TestClient:
    return TestClient(app_of(*routes, store=store))


def app_of(*routes: Any, store: str = "memory://") -> App:
    settings = {"DEBUG": True, "SECRET_KEY": "k" * 50, "SESSION_STORE": store}
    return App(__name__, urlpatterns=routes, settings=settings)


def test_the_moves_of_the_notes(notes: Notes) -> None:
    put, get, delete, put_name, get_cart, delete_name = notes.lines(
        4, r"(value = |cart = |del )?request\.session"
    )

    def view(request: Any) -> str:
        names: dict[str, Any] = {"request": request}
        exec(get, names)  # noqa: S102
        assert names["value"] == "default"
        exec(put, names)  # noqa: S102
        exec(get, names)  # noqa: S102
        assert names["value"] == "value"
        for line in (delete, put_name):
            exec(line, names)  # noqa: S102
        assert dict(request.session) == {"username": "alice"}
        exec(get_cart, names)  # noqa: S102
        assert names["cart"] == []
        exec(delete_name, names)  # noqa: S102
        with pytest.raises(KeyError, match="username"):
            exec(delete_name, names)  # noqa: S102
        return "ok"

    assert browser(path("", view)).get("/").text == "ok"


def test_the_cart_is_saved_put_back_or_changed_in_place(notes: Notes) -> None:
    (get_cart,) = notes.lines(4, r"cart = request\.session")

    def put_back(request: Any) -> str:
        names: dict[str, Any] = {"request": request}
        exec(f"{get_cart}\ncart.append('tea')\nrequest.session['cart'] = cart", names)  # noqa: S102
        return "ok"

    def in_place(request: Any) -> str:
        request.session["cart"].append("cup")
        return "ok"

    def show(request: Any) -> str:
        return ", ".join(request.session["cart"])

    shop = browser(path("put/", put_back), path("in-place/", in_place), path("", show))
    shop.get("/put/")
    shop.get("/in-place/")
    assert shop.get("/").text == "tea, cup"


def counter(notes: Notes) -> Any:
    text = notes.text(4)
    start = text.index("from django.http import HttpResponse")
    end = text.index("\n", text.index("return HttpResponse(", start))
    names: dict[str, Any] = {}
    exec(runnable(text[start:end]), names)  # noqa: S102
    return names["visit_counter"]


def test_the_sample_program_counts(notes: Notes) -> None:
    site = browser(path("", counter(notes)))
    texts = [site.get("/").text for _ in range(3)]
    assert texts == [f"You have visited this page {count} times." for count in (1, 2, 3)]


def test_no_visit_is_lost_when_eight_come_at_a_time(notes: Notes, tmp_path: Any) -> None:
    app = app_of(path("", counter(notes)), store=f"sqlite:///{tmp_path}/db.sqlite3")
    app.sessions.store.create_tables()  # type: ignore[union-attr]

    async def visits() -> str:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=60
        ) as site:
            await site.get("/")
            left = iter(range(VISITS - 2))

            async def visitor() -> None:
                for _ in left:
                    assert (await site.get("/")).status_code == 200

            await asyncio.gather(*[visitor() for _ in range(AT_ONCE)])
            return (await site.get("/")).text

    assert asyncio.run(visits()) == f"You have visited this page {VISITS} times."
