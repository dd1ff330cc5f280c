"""The integration contract over Flask."""

from flask import Flask

from coatcheck import Sessions
from coatcheck.testing import IntegrationContract
from tests.integrations.flask.routes import site


class TestFlask(IntegrationContract):
    def make_app(self, sessions: Sessions) -> Flask:
        return site(sessions)
