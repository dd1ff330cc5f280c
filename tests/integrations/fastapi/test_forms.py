"""Forms as FastAPI's dependencies: checked, processed once, bound to a class."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Form, HTTPException, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.testclient import TestClient

from coatcheck import Sessions
from coatcheck.forms import Form as TypedForm
from coatcheck.forms.typed.bound import Bound
from coatcheck.integrations.fastapi import Forms, SessionDep, SessionMiddleware
from coatcheck.integrations.fastapi.forms import form_of
from coatcheck.stores.memory import MemoryStore
from tests.integrations.starlette.test_forms import SAME, token_in


class Order(TypedForm):
    item: str
    pieces: int = 1


class Shop:
    """A site that takes orders in endpoints of both kinds."""

    def __init__(self) -> None:
        forms = Forms("a key of this site's own")
        self.orders: list[str] = []
        self.app = app = FastAPI()
        app.add_middleware(SessionMiddleware, sessions=Sessions(MemoryStore()))
        once = [Depends(forms.once)]

        @app.get("/form", response_class=HTMLResponse)
        async def form(field: Annotated[str, Depends(forms.field)]) -> str:
            return f"<form>{field}</form>"

        @app.post("/checked", dependencies=[Depends(forms.check)])
        def checked() -> str:
            return "checked"

        @app.post("/plain", dependencies=once)
        def plain(item: Annotated[str, Form()], session: SessionDep) -> int:
            self.orders.append(item)
            session["orders"] = len(self.orders)
            return len(self.orders)

        @app.post("/awaited", dependencies=once)
        async def awaited(item: Annotated[str, Form()], session: SessionDep) -> Any:
            self.orders.append(item)
            session["orders"] = len(self.orders)
            return RedirectResponse("/thanks", 303)

        @app.post("/refused", dependencies=once)
        async def refused(item: Annotated[str, Form()]) -> None:
            self.orders.append(item)
            raise HTTPException(400, "no such item")

        @app.post("/photo", dependencies=once)
        async def photo(photo: UploadFile) -> int:
            self.orders.append(photo.filename or "")
            return len(await photo.read())

        @app.post("/typed", dependencies=once)
        async def typed(form: Annotated[Bound[Order], form_of(Order)]) -> Any:
            if not form.valid:
                return {"errors": dict(form.errors)}
            return {"item": form.data.item, "pieces": form.data.pieces}

    def browser(self) -> TestClient:
        return TestClient(self.app, raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/plain", "/awaited"])
def test_an_endpoint_of_either_kind_processes_a_form_once(path: str) -> None:
    shop = Shop()
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form")), "item": "hat"}
    answers = [browser.post(path, data=sent, follow_redirects=False) for _ in range(3)]
    assert shop.orders == ["hat"]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert answers[0].status_code == (200 if path == "/plain" else 303)


def test_an_upload_is_read_by_the_endpoint_and_counts_by_its_content() -> None:
    shop = Shop()
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form"))}
    for _ in range(2):
        answer = browser.post("/photo", data=sent, files={"photo": ("a.txt", b"hello")})
        assert answer.json() == 5
    assert shop.orders == ["a.txt"]


def test_a_form_that_was_refused_can_be_sent_again() -> None:
    shop = Shop()
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form")), "item": "hat"}
    for _ in range(2):
        assert browser.post("/refused", data=sent).status_code == 400
    assert shop.orders == ["hat", "hat"]


def test_a_form_that_lacks_a_field_is_refused_by_fastapi_and_can_be_sent_again() -> None:
    shop = Shop()
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form"))}
    assert browser.post("/plain", data=sent).status_code == 422
    assert browser.post("/plain", data={**sent, "item": "hat"}).json() == 1


def test_a_form_of_another_site_is_refused_before_the_endpoint_runs() -> None:
    shop = Shop()
    browser = shop.browser()
    there = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    for path in ("/checked", "/plain"):
        answer = browser.post(path, data={"item": "hat"}, headers=there)
        assert answer.status_code == 403
        assert "page of this site" in answer.json()["detail"]
    assert shop.orders == []
    assert browser.post("/checked", headers=SAME).status_code == 200


def test_a_form_is_bound_to_its_class_with_all_its_errors_or_its_data() -> None:
    browser = Shop().browser()
    answer = browser.post("/typed", data={"item": "hat", "pieces": "3"}, headers=SAME)
    assert answer.json() == {"item": "hat", "pieces": 3}
    answer = browser.post("/typed", data={"item": "", "pieces": "x"}, headers=SAME)
    assert set(answer.json()["errors"]) == {"item", "pieces"}


def test_the_schema_shows_the_endpoint_s_own_fields_and_nothing_else() -> None:
    schema = Shop().app.openapi()
    assert "parameters" not in schema["paths"]["/plain"]["post"]
    body = schema["components"]["schemas"]["Body_plain_plain_post"]
    assert list(body["properties"]) == ["item"]
    for path in ("/form", "/checked", "/typed"):
        (operation,) = schema["paths"][path].values()
        assert "parameters" not in operation
        assert "requestBody" not in operation


def test_a_dependency_of_forms_sees_the_request_of_the_endpoint() -> None:
    shop = Shop()

    @shop.app.post("/again")
    async def again(request: Request) -> dict[str, str]:
        return {name: str(value) for name, value in (await request.form()).items()}

    answer = shop.browser().post("/again", data={"a": "1"}, headers=SAME)
    assert answer.json() == {"a": "1"}
