"""A form is processed once, in blocking and in async views (P5)."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import engines
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from coatcheck.integrations.django import configuration, once
from coatcheck.integrations.django.models import Session
from tests.integrations.django import site
from tests.integrations.django.asynchronous import run

ORDERS: list[str] = []
FAILURES: list[int] = []
STOPS: list[Callable[[], None]] = []

FORM = "{% load coatcheck %}{% once_token %}"
NAMED = '{% load coatcheck %}{% once_token "checkout" %}'


def form(request: HttpRequest, source: str = FORM) -> HttpResponse:
    template = engines["django"].from_string(source)
    return HttpResponse(template.render({}, request))


def buy(request: HttpRequest) -> HttpResponse:
    for stop in STOPS:
        stop()
    if FAILURES:
        return HttpResponse(status=FAILURES.pop())
    ORDERS.append(request.POST["item"])
    request.session["bought"] = request.POST["item"]
    messages.success(request, f"Bought {request.POST['item']}.")
    return HttpResponseRedirect("/flashes")


@once
def order(request: HttpRequest) -> HttpResponse:
    return form(request) if request.method == "GET" else buy(request)


@once(name="checkout")
def checkout(request: HttpRequest) -> HttpResponse:
    return form(request, NAMED) if request.method == "GET" else buy(request)


@once(key=lambda request: request.POST["item"], at_most_once=True)
def pay(request: HttpRequest) -> HttpResponse:
    return buy(request)


@once
async def async_order(request: HttpRequest) -> HttpResponse:
    return form(request) if request.method == "GET" else await sync_to_async(buy)(request)


@once
def enter(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return form(request)
    ORDERS.append("login")
    login(request, User.objects.get())
    return HttpResponseRedirect("/who")


@once
def upload(request: HttpRequest) -> HttpResponse:
    ORDERS.append(request.FILES["file"].read().decode())
    return HttpResponseRedirect("/flashes")


def protected(request: HttpRequest) -> HttpResponse:
    return form(request, "{% load coatcheck %}{% csrf_token %}{% once_token %}")


def cached(request: HttpRequest) -> HttpResponse:
    page = form(request)
    page["Cache-Control"], page["Vary"] = "max-age=60, private", "Accept"
    return page


@method_decorator(once, name="dispatch")
class Order(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return form(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        return buy(request)


class Routes:
    from tests.integrations.django.routes import urlpatterns as others

    urlpatterns = (
        path("order", order),
        path("checkout", checkout),
        path("pay", pay),
        path("async", async_order),
        path("enter", enter),
        path("upload", upload),
        path("protected", protected),
        path("cached", cached),
        path("class", Order.as_view()),
        *others,
    )


@pytest.fixture(autouse=True)
def shop() -> Iterator[None]:
    for kept in (ORDERS, FAILURES, STOPS):
        kept.clear()
    with override_settings(ROOT_URLCONF=Routes):
        yield


def ticket(client: Client, address: str = "/order") -> str:
    page = client.get(address)
    found = re.search(r'name="once_token" value="([\w-]+)"', page.content.decode())
    assert found, page.content
    assert "private" in page["Cache-Control"]
    return found[1]


@pytest.mark.parametrize("address", ["/order", "/class", "/async", "/checkout"])
def test_the_same_form_sent_again_gets_the_same_answer_and_runs_nothing(address: str):
    client = Client()
    form = {"once_token": ticket(client, address), "item": "hat"}
    first, second = client.post(address, form), client.post(address, form)
    assert (first.status_code, second.status_code) == (302, 302)
    assert first["Location"] == second["Location"] == "/flashes"
    assert ORDERS == ["hat"]


def test_on_an_event_loop_too():
    async def scenario() -> list[int]:
        client = AsyncClient()
        page = (await client.get("/async")).content.decode()
        token = re.findall(r'value="([\w-]+)"', page)[0]
        form = {"once_token": token, "item": "hat"}
        return [(await client.post("/async", form)).status_code for _ in range(2)]

    assert run(scenario()) == [302, 302]
    assert ORDERS == ["hat"]


def test_showing_a_form_stores_nothing():
    client = Client()
    ticket(client)
    assert not Session.objects.exists()
    assert "sessionid" not in client.cookies
    assert client.cookies["coatcheck_csrf"]["httponly"]


def test_back_brings_the_very_form_that_was_shown():
    # Under Vary: Cookie Chromium asks anew once a cookie has changed; see no-vary-on-forms.
    inner = [*site.INNER, "django.middleware.csrf.CsrfViewMiddleware"]
    with override_settings(MIDDLEWARE=[site.OURS, *inner]):
        page = Client().get("/protected")
    assert "csrftoken" in page.cookies  # for which Django's own middleware asks for Vary
    assert page["Cache-Control"] == "private, no-cache"
    assert "Vary" not in page


def test_a_form_whose_view_says_how_it_is_cached_varies_by_cookie():
    page = Client().get("/cached")
    assert page["Vary"] == "Accept, Cookie"
    assert page["Cache-Control"] == "max-age=60, private"


def test_another_form_is_another_submission():
    client = Client()
    for item in ("hat", "hat"):
        client.post("/order", {"once_token": ticket(client), "item": item})
    assert ORDERS == ["hat", "hat"]


def test_the_same_form_with_other_values_is_asked_about():
    client = Client()
    token = ticket(client)
    client.post("/order", {"once_token": token, "item": "hat"})
    answer = client.post("/order", {"once_token": token, "item": "coat"})
    assert answer.status_code == 409
    assert b"sent before" in answer.content
    assert ORDERS == ["hat"]


@pytest.mark.parametrize("status", [422, 500])
def test_a_form_that_was_refused_or_failed_may_be_sent_again(status: int):
    client = Client()
    form = {"once_token": ticket(client), "item": "hat"}
    FAILURES.append(status)
    assert client.post("/order", form).status_code == status
    assert client.post("/order", form).status_code == 302
    assert ORDERS == ["hat"]


def test_a_double_click_on_login_ends_logged_in():
    User.objects.create(username="ann")
    client, twin = Client(), Client()
    form = {"once_token": ticket(client, "/enter")}
    twin.cookies = client.cookies.copy()
    client.post("/enter", form)
    second = twin.post("/enter", form)  # sent with the cookies from before
    assert ORDERS == ["login"]
    assert second.cookies["sessionid"].value == client.cookies["sessionid"].value
    assert twin.get("/who").content == b"ann"


def test_a_replay_brings_the_message_that_nobody_saw():
    client = Client()
    client.get("/count")
    form = {"once_token": ticket(client), "item": "hat"}
    client.post("/order", form)
    assert client.get("/flashes").content == b"Bought hat."
    client.post("/order", form)
    assert client.get("/flashes").content == b"Bought hat."
    assert client.get("/flashes").content == b""


def test_another_visitors_form_is_none():
    client, other = Client(), Client()
    form = {"once_token": ticket(client), "item": "hat"}
    ticket(other)
    client.post("/order", form)
    other.post("/order", form)
    assert ORDERS == ["hat", "hat"]


def test_forms_of_one_name_are_one_submission():
    client = Client()
    first, second = ticket(client, "/checkout"), ticket(client, "/checkout")
    client.post("/checkout", {"once_token": first, "item": "hat"})
    client.post("/checkout", {"once_token": second, "item": "hat"})
    assert ORDERS == ["hat"]


def test_a_key_names_what_is_submitted():
    client = Client()
    client.get("/count")
    for _ in range(2):
        assert client.post("/pay", {"item": "order 7"}).status_code == 302
    assert ORDERS == ["order 7"]
    assert client.post("/pay", {"item": "order 8"}).status_code == 302


def test_what_must_not_be_repeated_is_not_after_a_failure():
    client = Client()
    client.get("/count")
    FAILURES.append(500)
    assert client.post("/pay", {"item": "order 7"}).status_code == 500
    answer = client.post("/pay", {"item": "order 7"})
    assert answer.status_code == 409
    assert b"is not known" in answer.content
    assert ORDERS == []


def test_the_second_click_waits_for_the_first():
    client, twin = Client(), Client()
    form = {"once_token": ticket(client), "item": "hat"}
    twin.cookies = client.cookies.copy()
    arrived, released = threading.Event(), threading.Event()

    def stop() -> None:
        arrived.set()
        assert released.wait(20)

    STOPS.append(stop)
    answers: list[Any] = []

    def click(browser: Client) -> threading.Thread:
        thread = threading.Thread(target=lambda: answers.append(browser.post("/order", form)))
        thread.start()
        return thread

    first = click(client)
    assert arrived.wait(20)
    second = click(twin)
    released.set()
    first.join(20)
    second.join(20)
    assert [answer.status_code for answer in answers] == [302, 302]
    assert ORDERS == ["hat"]


def test_files_count_by_what_is_in_them():
    client = Client()
    client.get("/count")
    token = ticket(client)

    def send(content: str) -> int:
        from django.core.files.uploadedfile import SimpleUploadedFile

        file = SimpleUploadedFile("a.txt", content.encode())
        return int(client.post("/upload", {"once_token": token, "file": file}).status_code)

    assert [send("one"), send("one"), send("two")] == [302, 302, 409]
    assert ORDERS == ["one"]


def test_the_store_shows_nothing_of_an_answer():
    client = Client()
    client.post("/order", {"once_token": ticket(client), "item": "a secret hat"})
    kept = b"".join(bytes(data) for data in Session.objects.values_list("data", flat=True))
    assert Session.objects.filter(pk__startswith="once:").exists()
    claim = Session.objects.get(pk__startswith="once:")
    assert b"secret hat" not in bytes(claim.data)
    assert client.cookies["sessionid"].value.encode() not in kept


def test_under_djangos_middleware_it_says_what_is_missing():
    missing = pytest.raises(ImproperlyConfigured, match="SessionMiddleware in place of Django's")
    with override_settings(MIDDLEWARE=[site.DJANGOS, *site.INNER]), missing:
        Client().get("/order")


def test_a_template_without_its_request_says_what_is_missing():
    with pytest.raises(ImproperlyConfigured, match="needs the request"):
        engines["django"].from_string(FORM).render({})


def test_it_works_where_requests_take_turns():
    client = Client()
    with override_settings(COATCHECK={"ISOLATION": "serializable"}):
        client.get("/count")
        form = {"once_token": ticket(client), "item": "hat"}
        for _ in range(2):
            assert client.post("/order", form).status_code == 302
    assert ORDERS == ["hat"]
    assert configuration.current().sessions.policy.isolation == "merge"
