"""Read a page as a browser does: its elements, and what its controls would send."""

from html.parser import HTMLParser

VOID = {"input", "br", "meta", "link"}


class Page(HTMLParser):
    """The elements of *html* in order, each with its attributes and text."""

    def __init__(self, html: object) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[int, str] = {}
        self._open: list[int] = []
        self.feed(str(html))
        self.close()
        assert self._open == [], "an element was left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        self.texts[len(self.elements) - 1] = ""
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self.texts[place] += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """The attributes of the elements *tag* that have these."""
        return [
            found
            for name, found in self.elements
            if name == tag
            and all(found.get(key.rstrip("_")) == value for key, value in attributes.items())
        ]

    def one(self, tag: str, **attributes: str) -> dict[str, str | None]:
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def text(self, id: str) -> str:
        """The text of the element *id*."""
        (place,) = [at for at, (_, found) in enumerate(self.elements) if found.get("id") == id]
        return self.texts[place]

    def shape(self) -> list[tuple[str, list[str]]]:
        """Everything but texts and values."""
        return [(tag, sorted(attributes)) for tag, attributes in self.elements]

    def sends(self) -> list[tuple[str, str]]:
        """What a browser sends of the controls as they are (HTML 4.10.21.4)."""
        pairs: list[tuple[str, str]] = []
        select: tuple[str, bool] | None = None
        for place, (tag, found) in enumerate(self.elements):
            name, value = found.get("name") or "", found.get("value") or ""
            if tag == "select":
                select = name, "multiple" in found
                options = self._options(place)
                chosen = [text for text, selected in options if selected]
                if not chosen and not select[1]:
                    chosen = [text for text, _ in options[:1]]
                pairs += [(name, text) for text in chosen]
            elif tag == "textarea":
                pairs.append((name, self.texts[place].removeprefix("\n").replace("\n", "\r\n")))
            elif tag == "input" and name and found.get("type") not in self._unsent(found):
                pairs.append((name, value))
        return pairs

    @staticmethod
    def _unsent(found: dict[str, str | None]) -> tuple[str, ...]:
        return ("file",) if "checked" in found else ("file", "checkbox", "radio")

    def _options(self, select: int) -> list[tuple[str, bool]]:
        found: list[tuple[str, bool]] = []
        for tag, attributes in self.elements[select + 1 :]:
            if tag != "option":
                break
            found.append((attributes.get("value") or "", "selected" in attributes))
        return found
