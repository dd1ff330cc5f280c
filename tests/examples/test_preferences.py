"""Preferences, played in both styles."""

import re

import pytest


def choices(visitor):
    """The choices of the page, those that are made first."""
    found = re.findall(r'value="(\w+)"( checked)?>', visitor.main)
    return [value for value, checked in found if checked]


def test_without_a_choice_the_page_is_english_and_looks_as_the_device_likes(visitor):
    assert visitor.get().startswith("Preferences")
    assert choices(visitor) == ["en", "auto"]
    assert 'data-theme="auto"' in visitor.page.text


@pytest.mark.parametrize(
    ("language", "said", "heading"),
    [
        ("de", "Gespeichert", "Einstellungen"),
        ("es", "Guardado", "Preferencias"),
        ("fr", "Enregistré", "Préférences"),
    ],
)
def test_a_choice_stays(visitor, language, said, heading):
    visitor.get()
    assert said in visitor.press("Save", language=language, theme="dark")
    again = visitor.get()
    assert again.startswith(heading)
    assert said not in again
    assert choices(visitor) == [language, "dark"]
    assert 'data-theme="dark"' in visitor.page.text


@pytest.mark.parametrize("wrong", [{"language": "xx"}, {"theme": '">'}])
def test_what_is_no_choice_is_refused_and_nothing_is_kept(visitor, wrong):
    visitor.get()
    form = visitor.forms[0]
    assert "no such language or theme" in visitor.send(form.action, {**form.fields, **wrong})
    assert visitor.status == 400
    visitor.get()
    assert choices(visitor) == ["en", "auto"]
