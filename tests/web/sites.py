"""Small sites for the tests of this folder, over the real stack."""

from collections.abc import Callable, Sequence
from typing import Any

from starlette.testclient import TestClient

from coatcheck.web import App
from coatcheck.web.routing import Entry

KEY = "a key for tests, of no use to anybody"

VERBS = ("load", "create", "commit", "end", "touch", "release", "sweep", "of_user")


def site(urlpatterns: Sequence[Entry] = (), *, debug: bool = True, **settings: object) -> App:
    """An App with sessions in memory."""
    values: dict[str, object] = {
        "DEBUG": debug,
        "SECRET_KEY": KEY,
        "SESSION_STORE": "memory://",
        **settings,
    }
    return App(__name__, urlpatterns=urlpatterns, settings=values)


def calls_of(app: App) -> list[str]:
    """The verbs that *app* calls its store with from now on."""
    calls: list[str] = []
    store = app.sessions.store
    store = getattr(store, "verbs", store)  # where a blocking store steps awaitable ones

    def counted(verb: str) -> Callable[..., Any]:
        real = getattr(store, verb)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(verb)
            return real(*args, **kwargs)

        return call

    for verb in VERBS:
        setattr(store, verb, counted(verb))
    return calls


def browser(app: App, *, https: bool = False, headers: dict[str, str] | None = None) -> TestClient:
    """A client that follows no redirect, so that tests see each answer."""
    base_url = "https://testserver" if https else "http://testserver"
    return TestClient(app, base_url=base_url, follow_redirects=False, headers=headers or {})


OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a form sent from a page of this site."""


def shown(view: Callable[..., Any], **settings: Any) -> TestClient:
    """A browser of a site with *view* at ``/``, in route style, for every common method."""
    app = site(**settings)
    app.route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])(view)
    return browser(app, headers=OWN_PAGE)
