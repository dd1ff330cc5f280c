"""A typed form in plain Flask: bound to Werkzeug's data, shown by Flask's own templates."""

from io import BytesIO
from typing import Any

import pytest
from flask import Flask, render_template_string, request

from coatcheck.forms import Email, Form, NewPassword, Upload, field, language_for
from tests.unit.forms.typed.page import Page

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


class Register(Form):
    email: Email
    password: NewPassword = field(min=8)
    colours: list[str] = field([])
    photo: Upload | None = field(None, types=["image/png"])


PAGE = """<h1>Join</h1>
<form method="post" enctype="multipart/form-data">{{ form }}<button>Join</button></form>"""
ONE = "{{ form.email }}"


@pytest.fixture
def visitor() -> Any:
    app = Flask("site")

    @app.route("/", methods=["GET", "POST"])
    def register() -> Any:
        locale = language_for(request.headers.get("Accept-Language", ""))
        if request.method == "GET":
            return render_template_string(PAGE, form=Register.blank(locale=locale))
        form = Register.bind(request.form, request.files, locale=locale)
        if not form.valid:
            return render_template_string(PAGE, form=form), 422
        photo = form.data.photo.filename if form.data.photo else "none"
        return f"{form.data.email} {','.join(form.data.colours)} {photo}"

    @app.get("/one")
    def one() -> str:
        return render_template_string(ONE, form=Register.blank({"email": '"><script>'}))

    return app.test_client()


def test_a_form_is_shown_bound_and_shown_again(visitor: Any) -> None:
    assert Page(visitor.get("/").text).one("input", name="email")["id"] == "register-email"
    answer = visitor.post("/", data={"email": "<b>", "password": "correct"})
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.one("input", name="email")["value"] == "<b>"
    assert page.one("input", name="email")["aria-invalid"] == "true"
    assert "correct" not in answer.text


def test_repeated_keys_and_files_reach_the_data(visitor: Any) -> None:
    sent = {
        "email": "al@example.com",
        "password": "correct horse",
        "colours": ["red", "blue"],
        "photo": (BytesIO(PNG), "../../cat.png"),
    }
    assert visitor.post("/", data=sent).text == "al@example.com red,blue cat.png"


def test_a_file_field_left_empty_is_no_file(visitor: Any) -> None:
    sent = {"email": "al@example.com", "password": "correct horse", "photo": (BytesIO(b""), "")}
    assert visitor.post("/", data=sent).text == "al@example.com  none"


def test_one_field_is_escaped_and_marked_as_safe(visitor: Any) -> None:
    page = Page(visitor.get("/one").text)
    assert page.one("input")["value"] == '"><script>'
    assert not page.all("script")


def test_the_language_is_the_visitors(visitor: Any) -> None:
    answer = visitor.post("/", data={}, headers={"Accept-Language": "fr"})
    assert "Remplissez ce champ." in answer.text
