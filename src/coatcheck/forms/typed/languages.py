"""Which languages there are words in, and the words: gettext catalogs, read once.

A catalog of the site's own goes before ours, so a site can reword a message or bring a language.
``words`` has the messages themselves.
"""

import gettext
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

DOMAIN = "coatcheck"
FOLDER = Path(__file__).parents[1] / "locales"
LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "pl", "pt")
"""Those that coatcheck's own messages are there in."""

Translations = gettext.NullTranslations


@cache
def translations(locale: str, site: Path | None = None) -> Translations:
    """The words of *locale* (``de``, ``de-AT``), from *site* first; English where there are none.

    *site* is a folder with ``<language>/LC_MESSAGES/coatcheck.mo``.
    """
    languages = _wider(locale)
    found: Translations | None = None
    for folder in (site, FOLDER):
        if folder is None:
            continue
        try:
            catalog = gettext.translation(DOMAIN, folder, languages)
        except OSError:
            continue  # no such language in this folder
        if found is None:
            found = catalog
        else:
            found.add_fallback(catalog)
    return found or gettext.NullTranslations()


def decimal_comma(locale: str) -> bool:
    """Whether who reads *locale* writes 3,50 and not 3.50."""
    return _wider(locale)[-1] in {"de", "es", "fr", "it", "nl", "pl", "pt"} and locale not in {
        "de-CH",
        "es-MX",
        "it-CH",
    }


def language_for(header: str, available: Sequence[str] = LANGUAGES) -> str:
    """The one of *available* that an Accept-Language *header* likes best; the first if none fits.

    RFC 9110 §12.5.4, with the lookup of RFC 4647 §3.4: ``de-AT`` is served by ``de``.
    """
    for wanted in _by_preference(header):
        for language in available:
            if language.lower() in _wider(wanted.lower()):
                return language
    return available[0] if available else "en"


def _by_preference(header: str) -> Iterable[str]:
    weighed: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:1000].split(",")):
        language, _, parameters = part.partition(";")
        name, _, weight = parameters.strip().partition("=")
        try:
            quality = float(weight) if name.strip().lower() == "q" else 1.0
        except ValueError:
            continue
        if quality > 0 and language.strip() not in ("", "*"):
            weighed.append((-quality, place, language.strip()))
    return (language for _, _, language in sorted(weighed))


def _wider(locale: str) -> list[str]:
    """*locale* and the languages it is a kind of: ``pt-BR``, ``pt``."""
    parts = locale.replace("_", "-").split("-")
    return ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
