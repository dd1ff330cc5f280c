"""The routes that the integration contract agrees on, for Flask."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import (
    Flask,
    Response,
    abort,
    flash,
    get_flashed_messages,
    redirect,
    request,
    session,
    stream_with_context,
)

from coatcheck import Sessions
from coatcheck.core.errors import SessionReadOnly
from coatcheck.integrations.flask import Coatcheck
from coatcheck.testing.integration import VALUES


def untouched() -> str:
    return "untouched"


def count() -> str:
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


def get() -> str:
    return repr(session.get(request.args["key"]))


def set() -> str:
    session[request.args["key"]] = request.args["value"]
    return "set"


def delete() -> str:
    session.pop(request.args["key"], None)
    return "deleted"


def nested() -> str:
    session.setdefault("cart", {"items": []})
    session["cart"]["items"].append(request.args["value"])
    return "appended"


def values() -> str:
    session.update(VALUES)
    return "kept"


def login() -> str:
    session["user_id"] = request.args["user"]
    return "in"


def logout() -> str:
    session.clear()
    return "out"


def renew() -> str:
    session.renew()  # type: ignore[attr-defined]
    return "renewed"


def who() -> str:
    return str(session.get("user_id", "nobody"))


def keep_flash() -> str:
    flash(request.args["text"])
    return "kept"


def flashes() -> str:
    return "|".join(map(str, get_flashed_messages()))


def redirected() -> Response:
    session["redirected"] = request.args["value"]
    return redirect("/get?key=redirected")  # type: ignore[return-value]


def stream() -> Response:
    session["streamed"] = request.args["value"]
    return Response(stream_with_context(iter("abc")))


def late() -> Response:
    def words() -> Iterator[str]:
        yield ""
        try:
            session["late"] = 1
        except SessionReadOnly:
            yield "refused"
        else:
            yield "taken"

    return Response(stream_with_context(words()))


def fail() -> str:
    session["failed"] = request.args["value"]
    raise RuntimeError("on purpose")


def failing() -> tuple[str, int]:
    session["failed"] = request.args["value"]
    return "on purpose", 500


def missing() -> str:
    session["missed"] = request.args["value"]
    abort(404)


def cached() -> tuple[str, dict[str, str]]:
    session.get("count")
    return "cached", {"Cache-Control": "public, max-age=60", "Vary": "Accept"}


VIEWS: dict[str, Callable[[], Any]] = {
    "untouched": untouched,
    "count": count,
    "get": get,
    "set": set,
    "delete": delete,
    "nested": nested,
    "values": values,
    "login": login,
    "logout": logout,
    "renew": renew,
    "who": who,
    "flash": keep_flash,
    "flashes": flashes,
    "redirect": redirected,
    "stream": stream,
    "late": late,
    "raise": fail,
    "error": failing,
    "missing": missing,
    "cached": cached,
}


def site(sessions: Sessions) -> Flask:
    app = Flask(__name__)
    Coatcheck(app, sessions)
    for name, view in VIEWS.items():
        app.add_url_rule(f"/{name}", name, view, methods=["GET", "POST"])
    return app
