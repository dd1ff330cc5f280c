"""``Idempotency-Key``: programs are answered once more what they were answered first."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from coatcheck.forms.idempotency import InvalidKey, sent_key
from coatcheck.web import csrf_unprotected, once, request
from tests.web.sites import browser, site

JSON = {"Accept": "application/json", "Authorization": "Bearer one"}


class Api:
    def __init__(self) -> None:
        self.app = site()
        self.made: list[str] = []
        self.before = lambda: None
        self.status = 201

        @self.app.post("/charges")
        @csrf_unprotected
        def charge():
            self.before()
            self.made.append(request.json["amount"])
            return {"id": len(self.made)}, self.status

        @self.app.post("/strict")
        @csrf_unprotected
        @once(needs_key=True)
        def strict():
            return {}

    def send(self, key=None, amount="5", path="/charges", **headers):
        keyed = {"Idempotency-Key": key} if key is not None else {}
        client = browser(self.app, headers={**JSON, **keyed, **headers})
        return client.post(path, json={"amount": amount})


@pytest.fixture
def api():
    return Api()


def test_a_retry_is_given_the_first_answer_and_says_so(api):
    first, second = api.send('"k1"'), api.send('"k1"')
    assert (
        (first.status_code, first.json()) == (second.status_code, second.json()) == (201, {"id": 1})
    )
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["content-type"] == "application/json"
    assert api.made == ["5"]


def test_another_key_is_another_request(api):
    assert api.send('"k1"').json() == {"id": 1}
    assert api.send('"k2"').json() == {"id": 2}
    assert api.send().json() == {"id": 3}
    assert api.send().json() == {"id": 4}


def test_the_same_key_with_another_request_is_422(api):
    api.send('"k1"')
    answer = api.send('"k1"', amount="6")
    assert answer.status_code == 422
    assert "was used before" in answer.json()["detail"]
    assert api.made == ["5"]


def test_the_same_key_of_another_client_or_at_another_address_is_another(api):
    api.send('"k1"')
    assert api.send('"k1"', Authorization="Bearer two").json() == {"id": 2}
    assert api.send('"k1"', path="/strict").json() == {}


def test_who_shows_nothing_is_never_given_the_session_of_another_with_the_same_key(api):
    @api.app.post("/carts")
    @csrf_unprotected
    def begin():
        request.session["cart"] = 1
        return {}, 201

    first, second = (api.send('"1"', path="/carts", Authorization="") for _ in range(2))
    assert "set-cookie" in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert "set-cookie" not in second.headers


def test_a_retry_while_the_first_runs_is_told_to_come_again(api):
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(20)

    api.before = slow
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(api.send, '"k1"')
        assert begun.wait(20)
        second = api.send('"k1"')
        go_on.set()
        assert first.result(20).status_code == 201
    assert second.status_code == 409
    assert second.headers["retry-after"] == "1"
    assert api.send('"k1"').headers["idempotent-replayed"] == "true"
    assert api.made == ["5"]


def test_a_failure_may_be_retried(api):
    api.status = 503
    assert api.send('"k1"').status_code == 503
    api.status = 201
    assert api.send('"k1"').status_code == 201
    assert len(api.made) == 2


@pytest.mark.parametrize("key", ["k1", '""', '"', '"a', 'a"', '"ä"', '"' + "x" * 256 + '"', "'a'"])
def test_a_malformed_key_is_400_and_says_how_to_write_it(api, key):
    answer = api.send(key.encode("latin-1"))
    assert answer.status_code == 400
    assert 'Send it so: Idempotency-Key: "' in answer.json()["detail"]
    assert api.made == []


def test_a_key_that_is_asked_for_and_missing_is_400(api):
    answer = api.send(path="/strict")
    assert answer.status_code == 400
    assert "asks for an Idempotency-Key" in answer.json()["detail"]


def test_several_keys_are_none():
    with pytest.raises(InvalidKey):
        sent_key(['"a"', '"b"'])


def test_a_key_is_read_as_structured_fields_have_it():
    assert sent_key([r' "a \"b\" \\ c" ']) == r'a "b" \ c'
    assert sent_key([]) is None
