"""What axe, which knows the rules of accessibility, finds on a page."""

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

AXE = Axe()


def troubles(page: Page) -> list[tuple[str, str, str]]:
    """Each fault as the colour scheme, the rule and the element, in light and in dark.

    Coloured code is left out, which takes axe seconds; test_demo measures its contrast.
    """
    found = []
    page.emulate_media(reduced_motion="reduce")  # a colour on its way to another is neither
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        rules = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}
        answer = AXE.run(page, context={"exclude": [["pre"]]}, options=rules).response
        for one in answer["violations"]:
            found += [(scheme, one["id"], node["html"][:200]) for node in one["nodes"]]
    return found
