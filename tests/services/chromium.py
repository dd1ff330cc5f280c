"""A real browser: the machine's own Chromium, driven by Playwright's blocking interface.

While a browser is open, its thread counts as inside a running event loop and
``asyncio.run`` refuses to start. So a browser lives as long as one test module, and a
module that uses it starts no event loop in its own thread: serve the site from
another thread or process.
"""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # root in a container has no sandbox; the pages are our own
    "--disable-gpu",
    "--no-first-run",
    # It asks nothing of the network but our pages.
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser: COATCHECK_CHROMIUM, or the first found on PATH."""
    wanted = os.environ.get("COATCHECK_CHROMIUM")
    if wanted:
        found = shutil.which(wanted)
        if found is None:
            pytest.fail(f"COATCHECK_CHROMIUM={wanted} is not an executable file.")
        return found
    for name in NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip(
        f"no browser: none of {', '.join(NAMES)} is on PATH and COATCHECK_CHROMIUM is unset"
    )


@pytest.fixture(scope="module")
def browser(chromium: str) -> "Iterator[Browser]":
    """A browser shared by the module. Contexts keep its tests apart: see ``page``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page of a visitor who was never here: no cookies, nothing cached."""
    with browser.new_context() as context:
        yield context.new_page()
