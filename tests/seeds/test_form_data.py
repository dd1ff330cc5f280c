"""Notes 000: what a request holds, the session's basic moves, and the first migration."""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from starlette.testclient import TestClient

from coatcheck.web import App, path
from tests.seeds.snippets import Notes, statement

FROM_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def browser(*routes: Any) -> TestClient:
    settings = {"DEBUG": True, "SECRET_KEY": "k" * 50, "SESSION_STORE": "memory://"}
    return TestClient(App(__name__, urlpatterns=routes, settings=settings))


def test_what_a_request_holds(notes: Notes) -> None:
    expressions = [
        statement(line) for line in notes.block(0, 1).splitlines() if line.startswith("request.")
    ]
    assert expressions == ["request.POST", "request.GET", "request.method"]
    seen: dict[str, Any] = {}

    def view(request: Any) -> str:
        seen.update({code: eval(code, {"request": request}) for code in expressions})  # noqa: S307
        return "ok"

    answer = browser(path("", view)).post(
        "/?page=2", data={"username": "ann"}, headers=FROM_OWN_PAGE
    )
    assert answer.status_code == 200
    assert seen["request.POST"]["username"] == "ann"
    assert seen["request.GET"]["page"] == "2"
    assert seen["request.method"] == "POST"


def test_the_tag_renders_a_hidden_field(
    notes: Notes, module: Callable[..., ModuleType], tmp_path: Any
) -> None:
    (line,) = [line for line in notes.block(0, 1).splitlines() if "csrf_token" in line]
    site = module(
        "from coatcheck.web import App, path, render\n"
        "def view(request):\n    return render(request, 'form.html')\n"
        "app = App(__name__, urlpatterns=[path('', view)])\n",
        form=f"<form method='post'>{statement(line)}</form>",
    )
    page = TestClient(site.app).get("/").text
    assert re.search(r'<input type="hidden" name="csrfmiddlewaretoken" value="[^"]+"', page)


def test_get_set_delete_and_in(notes: Notes) -> None:
    get, put, delete, contains = [
        statement(line) for line in notes.block(0, 3).splitlines() if line.strip()
    ]
    (key,) = set(re.findall(r"'(\w+)' in|\['(\w+)'\]", contains + get)[0]) - {""}
    value = re.search(r"= '(.*)'", put)
    assert value is not None

    def view(request: Any) -> str:
        names = {"request": request}
        for missing in (get, delete):
            with pytest.raises(KeyError, match=repr(key)):
                exec(missing, names)  # noqa: S102
        assert eval(contains, names) is False  # noqa: S307
        exec(put, names)  # noqa: S102
        assert eval(get, names) == value.group(1)  # noqa: S307
        assert eval(contains, names) is True  # noqa: S307
        exec(delete, names)  # noqa: S102
        assert eval(contains, names) is False  # noqa: S307
        return "ok"

    assert browser(path("", view)).get("/").text == "ok"


def test_the_cookie_outlives_the_browser(notes: Notes) -> None:
    def view(request: Any) -> str:
        request.session["key"] = "value"
        return "ok"

    cookie = browser(path("", view)).get("/").headers["set-cookie"]
    age = re.search(r"Max-Age=(\d+)", cookie)
    assert age is not None
    assert int(age.group(1)) >= 14 * 86400
