"""Django's test cases with coatcheck's classes in the place of those that they name themselves."""

from collections.abc import Callable
from typing import Any
from unittest import mock

from csrf_tests import tests as csrf  # type: ignore[import-not-found]
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest
from django.test import SimpleTestCase, TestCase, override_settings
from django.utils.safestring import SafeData
from messages_tests.base import BaseTests  # type: ignore[import-not-found]
from sessions_tests import tests as sessions  # type: ignore[import-not-found]

from coatcheck.integrations.django.engine import SessionStore
from coatcheck.integrations.django.messages import Storage
from coatcheck.integrations.django.middleware import SessionMiddleware


class OurSessionTests(sessions.SessionTestsMixin, TestCase):
    backend = SessionStore


@override_settings(USE_TZ=True)
class OurSessionWithTimeZoneTests(OurSessionTests):
    pass


class OurSessionInMemoryTests(sessions.SessionTestsMixin, SimpleTestCase):
    backend = SessionStore

    def run(self, result: Any = None) -> Any:
        with override_settings(COATCHECK={"STORE": "memory://"}):
            return super().run(result)


class OurMiddlewareTests(sessions.SessionMiddlewareTests):
    def setUp(self) -> None:
        self.enterContext(mock.patch.object(sessions, "SessionMiddleware", SessionMiddleware))
        super().setUp()


@override_settings(COATCHECK={"STORE": "memory://"})
class OurCsrfInSessionsTests(csrf.CsrfViewMiddlewareUseSessionsTests):
    def setUp(self) -> None:
        self.enterContext(mock.patch.object(csrf, "SessionStore", SessionStore))
        super().setUp()


class OurMessagesTests(BaseTests, TestCase):
    storage_class = Storage

    def get_request(self) -> HttpRequest:
        request = super().get_request()
        request.session = SessionStore()
        return request

    def stored_messages_count(self, storage: Any, response: Any) -> int:
        return len(storage.request.session.get(storage.session_key, ()))

    def get_existing_storage(self) -> Any:
        return self.get_storage([Message(20, "Test message 1"), Message(20, "Test message 2")])

    def test_get(self) -> None:
        storage = self.storage_class(self.get_request())
        storage.request.session[storage.session_key] = [(20, "<b>test</b>", "", True)]
        (message,) = storage
        assert message.message == "<b>test</b>"
        assert isinstance(message.message, SafeData)

    def test_what_djangos_storage_left_is_shown(self) -> None:
        storage = self.storage_class(self.get_request())
        left = [Message(20, "one"), Message(25, "two", extra_tags="tag")]
        storage.request.session[storage.session_key] = storage.serialize_messages(left)
        storage.add(30, "three")
        storage.update(self.get_response())
        again = self.storage_class(storage.request)
        assert [str(message) for message in again] == ["one", "two", "three"]


def load_tests(loader: Any, standard: Any, pattern: Callable[..., Any] | None) -> Any:
    """Only what is defined here, not what it derives from."""
    return standard
