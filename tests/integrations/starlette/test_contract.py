"""The integration contract over Starlette: plain and ``async`` views, stores of both kinds."""

from starlette.applications import Starlette

from coatcheck import Sessions
from coatcheck.testing import IntegrationContract
from tests.integrations.starlette.routes import site


class TestPlainViews(IntegrationContract):
    def make_app(self, sessions: Sessions) -> Starlette:
        return site(sessions, awaiting=False)


class TestAwaitedViews(IntegrationContract):
    def make_app(self, sessions: Sessions) -> Starlette:
        return site(sessions, awaiting=True)


class TestPlainViewsOverAnAwaitedStore(TestPlainViews):
    awaitable = True


class TestAwaitedViewsOverAnAwaitedStore(TestAwaitedViews):
    awaitable = True
