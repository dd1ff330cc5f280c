"""The catalogs are complete, up to date, compiled, and chosen as the visitor's browser asks."""

import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from coatcheck.forms.typed.languages import (
    FOLDER,
    LANGUAGES,
    decimal_comma,
    language_for,
    translations,
)

TRANSLATED = [language for language in LANGUAGES if language != "en"]
SOURCE = Path(__file__).parents[4] / "src" / "coatcheck"
PLACES = re.compile(r"\{\w+\}")
MEND = "Run `make catalogs`, and translate what is new."


def catalog(language: str) -> Catalog:
    text = (FOLDER / language / "LC_MESSAGES" / "coatcheck.po").read_bytes()
    return read_po(io.BytesIO(text), locale=language)


def each(text: object) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)  # type: ignore[arg-type]


def entries(found: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {each(one.id): each(one.string) for one in found if one.id}


@pytest.fixture(scope="module")
def sentences() -> set[tuple[str, ...]]:
    keywords: dict[str, tuple[int, ...] | None] = {"said": None, "say": None, "counted": (1, 2)}
    found = extract_from_dir(SOURCE, [("**.py", "python")], keywords=keywords)
    return {each(message) for _, _, message, _, _ in found}


def test_there_are_eight_languages():
    assert len(LANGUAGES) == 8
    assert {folder.name for folder in FOLDER.iterdir()} == set(TRANSLATED)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalog_has_just_the_sentences_there_are(language, sentences):
    assert set(entries(catalog(language))) == sentences, MEND


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_with_all_its_places_and_plurals(language):
    found = catalog(language)
    assert not [one.id for one in found if one.fuzzy and one.id], MEND
    for ids, forms in entries(found).items():
        assert all(forms), (ids, MEND)
        assert len(forms) == (found.num_plurals if len(ids) > 1 else 1), ids
        # The first form may say "one"; the others count.
        for number, form in enumerate(forms):
            wanted = set(PLACES.findall(ids[min(number, len(ids) - 1)]))
            assert set(PLACES.findall(form)) == wanted, (ids, form)


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_shipped_is_compiled_from_the_catalog(language):
    compiled = (FOLDER / language / "LC_MESSAGES" / "coatcheck.mo").read_bytes()
    assert entries(read_mo(io.BytesIO(compiled))) == entries(catalog(language)), MEND


def test_plurals_follow_the_languages_own_rule():
    polish = translations("pl")
    one, many = "Enter at least one character.", "Enter at least {count} characters."
    spoken = [polish.ngettext(one, many, count).format(count=count) for count in (1, 2, 5, 22)]
    assert spoken == [
        "Wpisz co najmniej jeden znak.",
        "Wpisz co najmniej 2 znaki.",
        "Wpisz co najmniej 5 znaków.",
        "Wpisz co najmniej 22 znaki.",
    ]


def test_a_kind_of_a_language_is_served_by_it_and_an_unknown_one_by_english():
    assert translations("de-AT").gettext("Yes") == "Ja"
    assert translations("pt_BR").gettext("Yes") == "Sim"
    assert translations("eo").gettext("Yes") == "Yes"
    assert translations("../../etc").gettext("Yes") == "Yes"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("de-AT, en;q=0.5", "de"),
        ("eo, fr;q=0.4, it;q=0.6", "it"),
        ("fr;q=0, nl", "nl"),
        ("", "en"),
        ("*", "en"),
        ("xx;q=banana, pl", "pl"),
        ("PT-br", "pt"),
        (",;=,;;q=", "en"),
    ],
)
def test_a_browser_gets_the_language_it_likes_best(header, language):
    assert language_for(header, LANGUAGES) == language


def test_a_site_in_one_language_speaks_that():
    assert language_for("de, en;q=0.5", ["nl"]) == "nl"


def test_a_site_brings_words_and_languages_of_its_own(tmp_path):
    from babel.messages.mofile import write_mo

    own = Catalog(locale="eo")
    own.add("Yes", "Jes")
    folder = tmp_path / "eo" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "coatcheck.mo").open("wb") as file:
        write_mo(file, own)
    assert translations("eo", tmp_path).gettext("Yes") == "Jes"
    assert translations("de", tmp_path).gettext("Yes") == "Ja"


def test_who_reads_german_writes_a_comma_and_who_reads_english_a_point():
    assert decimal_comma("de")
    assert decimal_comma("pl-PL")
    assert not decimal_comma("en")
    assert not decimal_comma("es-MX")
