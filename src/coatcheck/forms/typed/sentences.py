"""A sentence that can be said in several languages: English here, with values in its places.

``said`` and ``counted`` mark the sentences that go into the catalogs; the language is chosen when a
sentence is shown (``languages``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from .languages import Translations
from .texts import text_of


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence with values in its places; ``many`` is its plural where it counts."""

    one: str
    many: str = ""
    count: int = 0
    values: Mapping[str, object] = field(default_factory=dict)

    def spoken(self, catalog: Translations, *, comma: bool = False) -> str:
        """The sentence in the language of *catalog*."""
        text = (
            catalog.ngettext(self.one, self.many, self.count)
            if self.many
            else catalog.gettext(self.one)
        )
        if not self.values:
            return text  # somebody's own text may hold braces
        return text.format_map({name: _shown(value, comma) for name, value in self.values.items()})


def said(sentence: str, **values: object) -> Words:
    """*sentence* is in the catalogs."""
    return Words(sentence, values=values)


def counted(one: str, many: str, count: int, **values: object) -> Words:
    """Both sentences are in the catalogs; *count* decides, by the language's own rule."""
    return Words(one, many, count, {"count": count, **values})


def own(text: str) -> Words:
    """What the site says itself. It is looked up too, so a site's own catalog can translate it."""
    return Words(text)


def _shown(value: object, comma: bool) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    text = text_of(value)
    return text.replace(".", ",") if comma and not isinstance(value, str | date | time) else text
