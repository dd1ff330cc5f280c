"""What every integration promises, on Django: WSGI, ASGI with blocking and with async views."""

from io import BytesIO
from typing import Any

from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

from coatcheck import Sessions
from coatcheck.integrations.django import configuration
from coatcheck.testing import IntegrationContract
from tests.integrations.django import routes


class OnDjango(IntegrationContract):
    """Django names users by their primary key."""

    def user_key(self, user: str) -> str:
        return str(User.objects.get(username=user).pk)


class TestDjangoOverWSGI(OnDjango):
    def make_app(self, sessions: Sessions) -> Any:
        configuration.use(configuration.Configuration(sessions))
        return WSGIHandler()


class InMemory(ASGIHandler):
    """Django leaves the file of a request's body open where the visitor leaves at the very end."""

    def __init__(self, routes: object) -> None:
        super().__init__()
        self.routes = routes

    async def read_body(self, receive: Any) -> BytesIO:
        with await super().read_body(receive) as body:
            return BytesIO(body.read())

    async def get_response_async(self, request: Any) -> Any:
        request.urlconf = self.routes
        return await super().get_response_async(request)


class TestDjangoOverASGIWithBlockingViews(OnDjango):
    def make_app(self, sessions: Sessions) -> Any:
        configuration.use(configuration.Configuration(sessions))
        return InMemory(routes.Blocking)


class TestDjangoOverASGI(OnDjango):
    """Async views over a store that blocks, in threads."""

    def make_app(self, sessions: Sessions) -> Any:
        configuration.use(configuration.Configuration(sessions))
        return InMemory(routes.Async)


class TestDjangoOverASGIAwaited(TestDjangoOverASGI):
    """The same over a store that is awaited."""

    awaitable = True
