"""Notes 002: a form without a token, redirect after POST, and the session of a one-file app."""

import re
from collections.abc import Callable
from types import ModuleType

import pytest
from starlette.testclient import TestClient

from tests.seeds.snippets import Notes

FROM_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
FROM_A_FILE = {"Sec-Fetch-Site": "cross-site", "Origin": "null"}
FROM_ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}

Module = Callable[..., ModuleType]


def browser(code: str, module: Module) -> TestClient:
    return TestClient(
        module(code).app,
        follow_redirects=False,
        raise_server_exceptions=False,
        headers=FROM_OWN_PAGE,
    )


def test_the_form_reaches_the_view(notes: Notes, module: Module) -> None:
    site = browser(notes.python(2, 2), module)
    answer = site.post("/submit", data={"username": "ann"})
    assert (answer.status_code, answer.text) == (200, "Username: ann")
    assert answer.headers["content-type"].startswith("text/html")
    assert site.get("/submit").status_code == 405


def test_a_form_without_the_field_is_told_which_one_is_missing(
    notes: Notes, module: Module
) -> None:
    answer = browser(notes.python(2, 2), module).post("/submit", data={"name": "ann"})
    assert answer.status_code == 400
    assert "username" in answer.text
    assert "name" in answer.text


@pytest.mark.parametrize("headers", [FROM_A_FILE, FROM_ELSEWHERE])
def test_a_form_from_another_place_is_refused_and_told_why(
    notes: Notes, module: Module, headers: dict[str, str]
) -> None:
    site = browser(notes.python(2, 2), module)
    answer = site.post("/submit", data={"username": "ann"}, headers=headers)
    assert answer.status_code == 403
    assert "ann" not in answer.text
    if headers is FROM_A_FILE:
        assert "file" in answer.text


def test_the_form_of_the_notes_is_served_and_sent(notes: Notes, module: Module) -> None:
    code = notes.python(2, 3) + (
        "\n@app.route('/')\ndef form():\n    return render_template('form.html')\n"
    )
    code = "from coatcheck.web import render_template\n" + code
    site = TestClient(
        module(code, form=notes.block(2, 1)).app, follow_redirects=False, headers=FROM_OWN_PAGE
    )
    assert 'name="username"' in site.get("/").text
    answer = site.post("/submit", data={"username": "ann"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/thankyou")
    assert site.get("/thankyou").text == "Thank you for submitting!"


def test_the_form_of_the_notes_sent_twice_runs_its_view_once(notes: Notes, module: Module) -> None:
    code = notes.python(2, 3).replace(
        "return redirect", "ran.append(username)\n    return redirect"
    )
    code += "\n@app.route('/')\ndef form():\n    return render_template('form.html')\n"
    code = "from coatcheck.web import render_template\nran = []\n" + code
    made = module(code, form=notes.block(2, 1))
    site = TestClient(made.app, follow_redirects=False, headers=FROM_OWN_PAGE)
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', site.get("/").text)
    fields = {"csrfmiddlewaretoken": token, "username": "ann"}
    answers = [site.post("/submit", data=fields) for _ in range(2)]
    assert [answer.headers["location"] for answer in answers] == ["/thankyou"] * 2
    assert made.ran == ["ann"]
    assert site.post("/submit", data={**fields, "username": "bob"}).status_code == 409
    assert made.ran == ["ann"]


def test_the_secret_key_is_taken(notes: Notes, module: Module) -> None:
    app = module(notes.python(2, 4)).app
    assert f"'{app.secret_key}'" in notes.block(2, 4)


def test_the_session_keeps_gives_and_is_emptied(notes: Notes, module: Module) -> None:
    keep, give, empty = (notes.block(2, number).partition("#")[0].strip() for number in (5, 6, 7))
    code = notes.python(2, 4) + (
        "from coatcheck.web import request\n"
        f"@app.route('/keep', methods=['POST'])\ndef keep():\n    {keep}\n    return 'kept'\n"
        f"@app.route('/give')\ndef give():\n    {give}\n    return username\n"
        f"@app.route('/empty')\ndef empty():\n    {empty}\n    return 'emptied'\n"
    )
    site = browser(code, module)
    assert site.post("/keep", data={"username": "ann"}).text == "kept"
    assert site.get("/give").text == "ann"
    assert site.get("/empty").text == "emptied"
    assert site.get("/give").status_code == 500


def test_outside_a_request_the_session_says_where_it_can_be_used(notes: Notes) -> None:
    from coatcheck.web import session

    with pytest.raises(Exception, match="no request is being answered"):
        exec(notes.block(2, 7), {"session": session})  # noqa: S102
