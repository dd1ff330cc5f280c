"""A visitor without a browser: reads pages, fills in their forms and presses their buttons.

Nothing is sent that no page offers, so a form that forgot its token or a field fails here. What a
real browser does is in tests/browser.
"""

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2


@dataclass
class Form:
    """A form of a page: where it goes, what it holds, and its buttons as (label, name, value)."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._form: Form | None = None
        self._button: dict[str, str] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            assert given.get("method", "").lower() == "post"
            self._form = Form(given.get("action", ""))
            self.found.append(self._form)
        elif self._form is not None and tag == "input" and "name" in given:
            if given.get("type") not in ("radio", "checkbox") or "checked" in given:
                self._form.fields[given["name"]] = given.get("value", "")
        elif tag == "button":
            self._button, self._text = given, ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "button" and self._button is not None and self._form is not None:
            label = self._button.get("aria-label") or " ".join(self._text.split())
            name, value = self._button.get("name", ""), self._button.get("value", "")
            self._form.buttons.append((label, name, value))
        elif tag == "form":
            self._form = None


class Visitor:
    """Somebody at *site*, the address of an exercise, with cookies of their own."""

    def __init__(self, site: str) -> None:
        self.site = site
        self._client = httpx2.Client(follow_redirects=True, timeout=30)
        self.page = httpx2.Response(204)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str = "") -> str:
        """Open a page below the exercise's address; its words."""
        self.page = self._client.get(urljoin(self.site, path))
        return self.words

    def press(self, label: str, **typed: str) -> str:
        """Type into the form that has the button *label*, press it; the words that follow."""
        for form in self.forms:
            for name, key, value in form.buttons:
                if name == label:
                    assert typed.keys() <= form.fields.keys()
                    sent = {**form.fields, **typed, **({key: value} if key else {})}
                    return self.send(form.action, sent)
        raise AssertionError(f"no button {label!r} but {self.buttons}")

    def send(self, path: str, fields: dict[str, str]) -> str:
        """Send *fields*, whatever the page offers."""
        self.page = self._client.post(urljoin(str(self.page.url), path), data=fields)
        return self.words

    @property
    def forms(self) -> list[Form]:
        parser = _Forms()
        parser.feed(self.main)
        return parser.found

    @property
    def buttons(self) -> list[str]:
        return [label for form in self.forms for label, _, _ in form.buttons]

    @property
    def main(self) -> str:
        """The page itself, without what the demo puts around it."""
        found = re.search(r"<main.*?</main>", self.page.text, re.DOTALL)
        return found[0] if found else self.page.text

    @property
    def words(self) -> str:
        text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", self.main, flags=re.DOTALL)
        return re.sub(r"\s+", " ", html.unescape(text)).strip()

    @property
    def status(self) -> int:
        return self.page.status_code
