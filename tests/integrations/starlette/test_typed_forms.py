"""A typed form in plain Starlette and FastAPI: bound to what ``request.form()`` gives."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from coatcheck.forms import Email, Form, NewPassword, Upload, field
from tests.unit.forms.typed.page import Page

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


class Register(Form):
    email: Email
    password: NewPassword = field(min=8)
    colours: list[str] = field([])
    photo: Upload = field(types=["image/png"])


async def register(request: Request) -> Response:
    if request.method == "GET":
        return HTMLResponse(Register.blank().element("Join"))
    async with request.form() as sent:
        form = Register.bind(sent)
        if not form.valid:
            return HTMLResponse(form.element("Join"), 422)
        data = form.data
        text = f"{data.email} {','.join(data.colours)} {data.photo.filename} {data.photo.size}"
        return PlainTextResponse(text)


def starlette() -> Any:
    return Starlette(routes=[Route("/", register, methods=["GET", "POST"])])


def fastapi() -> Any:
    app = FastAPI()
    app.get("/", response_model=None)(register)
    app.post("/", response_model=None)(register)
    return app


@pytest.fixture(params=[starlette, fastapi])
def visitor(request: pytest.FixtureRequest) -> TestClient:
    return TestClient(request.param())


def test_a_form_is_shown_bound_and_shown_again(visitor: TestClient) -> None:
    assert Page(visitor.get("/").text).one("form")["enctype"] == "multipart/form-data"
    answer = visitor.post("/", data={"email": "<b>", "password": "correct"})
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.one("input", name="email")["value"] == "<b>"
    assert page.text("register-photo-error") == "Choose a file."
    assert "correct" not in answer.text


def test_repeated_keys_and_files_reach_the_data(visitor: TestClient) -> None:
    answer = visitor.post(
        "/",
        data={"email": "al@example.com", "password": "correct horse", "colours": ["red", "blue"]},
        files={"photo": ("../../cat.png", PNG, "text/plain")},
    )
    assert answer.text == "al@example.com red,blue cat.png 28"


def test_a_file_is_judged_by_its_content(visitor: TestClient) -> None:
    answer = visitor.post(
        "/",
        data={"email": "al@example.com", "password": "correct horse"},
        files={"photo": ("cat.png", b"#!/bin/sh", "image/png")},
    )
    assert answer.status_code == 422
    assert "choose one of PNG" in answer.text
