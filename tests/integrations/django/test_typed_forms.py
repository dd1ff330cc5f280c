"""A typed form in plain Django: bound to its QueryDict, shown by its template language."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.template import Context, Engine
from django.test import RequestFactory
from django.utils import translation

from coatcheck.forms import Email, Form, NewPassword, Upload, field
from tests.unit.forms.typed.page import Page

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


class Register(Form):
    email: Email
    password: NewPassword = field(min=8)
    colours: list[str] = field([])
    photo: Upload | None = field(None, types=["image/png"])


def page(source: str, form: Any) -> str:
    text: str = Engine().from_string(source).render(Context({"form": form}))
    return text


def register(request: Any) -> HttpResponse:
    locale = translation.get_language() or "en"
    if request.method == "GET":
        return HttpResponse(page("<form>{{ form }}</form>", Register.blank(locale=locale)))
    form = Register.bind(request.POST, request.FILES, locale=locale)
    if not form.valid:
        return HttpResponse(page("<form>{{ form }}</form>", form), status=422)
    photo = form.data.photo.filename if form.data.photo else "none"
    return HttpResponse(f"{form.data.email} {','.join(form.data.colours)} {photo}")


def send(data: dict[str, Any]) -> HttpResponse:
    return register(RequestFactory().post("/", data))


def test_a_form_is_shown_bound_and_shown_again() -> None:
    shown = Page(register(RequestFactory().get("/")).content.decode())
    assert shown.one("input", name="email")["id"] == "register-email"
    answer = send({"email": "<b>", "password": "correct"})
    assert answer.status_code == 422
    again = Page(answer.content.decode())
    assert again.one("input", name="email")["value"] == "<b>"
    assert again.one("div", role="alert")
    assert "correct" not in answer.content.decode()


def test_repeated_keys_and_files_reach_the_data() -> None:
    answer = send(
        {
            "email": "al@example.com",
            "password": "correct horse",
            "colours": ["red", "blue"],
            "photo": SimpleUploadedFile("cat.png", PNG),
        }
    )
    assert answer.content.decode() == "al@example.com red,blue cat.png"


def test_single_fields_and_their_parts_are_there_in_templates() -> None:
    form = Register.bind({"email": "<b>"})
    assert Page(page("{{ form.email }}", form)).one("input")["value"] == "<b>"
    assert page("{{ form.email.label }}: {{ form.email.value }}", form) == "Email: &lt;b&gt;"
    loop = "{% for one in form %}{{ one.name }} {% endfor %}"
    assert page(loop, form) == "email password colours photo "
    assert "Fill in" in page("{{ form.errors.password.0 }}", form)


def test_the_language_is_djangos() -> None:
    with translation.override("de"):
        assert "Füllen Sie dieses Feld aus." in send({}).content.decode()
