"""What a view may return, and what becomes of it."""

import datetime
import json
import uuid
from decimal import Decimal

import pytest
from starlette.responses import PlainTextResponse

from coatcheck.forms.redirects import InvalidLocation
from coatcheck.web.errors import HttpError, UnusableResult, ViewReturnedNothing
from coatcheck.web.responses import (
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
    JsonResponse,
    abort,
    as_response,
    redirect,
    settle,
)


def view() -> None:
    pass


def test_text_is_a_page_of_html():
    response = as_response("<p>ä</p>", view)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.body == "<p>ä</p>".encode()


@pytest.mark.parametrize("data", [{"a": 1}, [1, 2], {}, []])
def test_dicts_and_lists_are_json(data):
    response = as_response(data, view)
    assert response.headers["content-type"] == "application/json"
    assert json.loads(bytes(response.body)) == data


def test_a_response_is_itself():
    response = PlainTextResponse("x")
    assert as_response(response, view) is response


def test_a_tuple_carries_status_and_headers():
    response = as_response(("made", 201, {"X-A": "b"}), view)
    assert (response.status_code, response.headers["x-a"]) == (201, "b")
    assert as_response(("x", {"X-A": "b"}), view).headers["x-a"] == "b"
    assert as_response(({"a": 1}, 404), view).status_code == 404


def test_an_answer_without_content_has_no_length():
    assert "content-length" not in as_response(("", 204), view).headers


def test_none_is_refused_with_the_name_of_the_view():
    with pytest.raises(ViewReturnedNothing, match=r"test_responses\.view returned None"):
        as_response(None, view)


@pytest.mark.parametrize("result", [7, 1.5, object(), ("a", "b"), ("a",), ()])
def test_what_is_no_answer_is_refused_with_what_would_be(result):
    with pytest.raises(UnusableResult, match="Return"):
        as_response(result, view)


def test_a_page_takes_headers_like_a_dict():
    response = HttpResponse("x")
    response["X-A"] = 7
    assert response["x-a"] == "7"
    assert "X-A" in response
    del response["X-A"]
    assert "X-A" not in response


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=y", "a\nb", "a\0b"])
def test_a_header_cannot_begin_another(value):
    response = HttpResponse("x")
    with pytest.raises(ValueError, match="control characters"):
        response["X-A"] = value


def test_content_that_is_no_text_is_written_as_text():
    assert HttpResponse(7).content == b"7"
    assert HttpResponse(b"\xff").content == b"\xff"


def test_json_writes_dates_and_numbers_as_their_plain_twins():
    day = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
    key = uuid.UUID(int=1)
    response = JsonResponse({"d": day, "n": Decimal("1.50"), "u": key, "s": {1}})
    assert json.loads(response.content) == {
        "d": "2026-11-21T00:00:00+00:00",
        "n": "1.50",
        "u": str(key),
        "s": [1],
    }


def test_what_has_no_json_form_is_named():
    with pytest.raises(TypeError, match="object has no JSON form"):
        JsonResponse({"a": object()})


def test_a_redirect_escapes_its_address_as_django_does():
    assert HttpResponseRedirect("session is set").headers["location"] == "session%20is%20set"
    assert HttpResponseRedirect("abc abc@gmail.com").headers["location"] == "abc%20abc@gmail.com"


@pytest.mark.parametrize("to", ["/a\r\nSet-Cookie: x=y", "javascript:alert(1)", "/\\evil.example"])
def test_a_redirect_refuses_what_no_location_may_hold(to):
    with pytest.raises(InvalidLocation):
        HttpResponseRedirect(to)


@pytest.mark.parametrize(("method", "status"), [("GET", 302), ("POST", 303), ("DELETE", 303)])
def test_a_redirect_follows_the_method(method, status):
    assert settle(HttpResponseRedirect("/x"), method=method).status_code == status


def test_a_status_that_was_asked_for_stays():
    assert settle(HttpResponseRedirect("/x", status=307), method="POST").status_code == 307
    assert settle(redirect("/x", code=302), method="POST").status_code == 302
    assert settle(HttpResponsePermanentRedirect("/x"), method="POST").status_code == 301


def test_an_address_like_a_sentence_is_warned_of(caplog):
    HttpResponseRedirect("session is set")
    assert "looks like a sentence" in caplog.text


def test_abort_raises_the_status_with_words_for_the_visitor():
    with pytest.raises(HttpError, match="gone for good") as raised:
        abort(410, "gone for good")
    assert raised.value.status == 410


def test_abort_refuses_what_is_no_error():
    with pytest.raises(ValueError, match="no error status"):
        abort(302)


def test_an_iterator_is_not_shown_as_its_name():
    with pytest.raises(TypeError, match="StreamingHttpResponse"):
        HttpResponse(iter(["a", "b"]))
