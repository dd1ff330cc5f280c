"""What the tests of this folder share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.web.demo import SERVE, copied

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 15_000
"""Milliseconds after which what was to appear on a page has failed to."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the demo, which has the exercises too, served by its own command."""
    with copied(tmp_path_factory.mktemp("site") / "demo").serving(*SERVE) as server:
        yield server.url().rstrip("/")


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page of a visitor who was never here."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        yield context.new_page()


@pytest.fixture(params=["with JavaScript", "without JavaScript"])
def visitor(request: pytest.FixtureRequest, browser: "Browser") -> "Iterator[Page]":
    """The same, with JavaScript and without: a page has to work in both."""
    script = request.param == "with JavaScript"
    with browser.new_context(java_script_enabled=script) as context:
        context.set_default_timeout(PATIENCE)
        yield context.new_page()
