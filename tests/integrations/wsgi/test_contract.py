"""The integration contract over plain WSGI: lists, generators and ``write()``."""

from coatcheck import Sessions
from coatcheck.integrations.wsgi import SessionMiddleware
from coatcheck.testing import IntegrationContract
from tests.integrations.wsgi.routes import generated, plain, written


class TestPlainApplications(IntegrationContract):
    def make_app(self, sessions: Sessions) -> SessionMiddleware:
        return SessionMiddleware(plain, sessions)


class TestGeneratorApplications(IntegrationContract):
    def make_app(self, sessions: Sessions) -> SessionMiddleware:
        return SessionMiddleware(generated, sessions)


class TestApplicationsThatWrite(IntegrationContract):
    def make_app(self, sessions: Sessions) -> SessionMiddleware:
        return SessionMiddleware(written, sessions)
