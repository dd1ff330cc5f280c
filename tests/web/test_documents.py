"""Every setting and every command is documented, and nothing is that is not there."""

import re
from pathlib import Path

import click
import pytest

import coatcheck.web
from coatcheck.cli.main import coatcheck as anywhere
from coatcheck.cli.manage import manage
from coatcheck.web.settings import NAMES, load_settings

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SETTINGS = (REFERENCE / "settings.md").read_text(encoding="utf-8")
SESSION = (REFERENCE / "session.md").read_text(encoding="utf-8")
COMMANDS = (REFERENCE / "commands.md").read_text(encoding="utf-8")


def rows() -> dict[str, str]:
    """The settings in the tables, each with what stands as its default."""
    ours = SETTINGS.partition("## Coming from")[0]
    return dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", ours, re.MULTILINE))


def test_every_setting_is_documented_and_no_other():
    assert sorted(rows()) == sorted(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if rows()[name].startswith("`")])
def test_the_default_is_the_one_documented(tmp_path, monkeypatch, name):
    monkeypatch.delenv("COATCHECK_DEBUG", raising=False)
    documented = re.match(r"`(.*?)`", rows()[name])
    assert documented
    key = {"SECRET_KEY": "k" * 40}
    if documented[1] in NAMES:  # it follows another setting
        made = load_settings(key, tmp_path)
        assert getattr(made, name.lower()) == getattr(made, documented[1].lower())
        return
    written = load_settings({**key, name: eval(documented[1])}, tmp_path)  # noqa: S307
    assert getattr(load_settings(key, tmp_path), name.lower()) == getattr(written, name.lower())


def test_every_name_that_pages_import_is_documented():
    pages = (REFERENCE / "pages.md").read_text(encoding="utf-8") + SESSION
    documented = set(re.findall(r"\w+", " ".join(re.findall(r"`+[^`]+`+", pages))))
    assert sorted(set(coatcheck.web.__all__) - documented) == []


def test_every_command_is_documented_with_its_options_and_no_other():
    documented = {
        (heading.split()[0], heading.split()[-1] if "--" in heading else word)
        for heading in re.findall(r"^### `(?:python )?(.*?)`$", COMMANDS, re.MULTILINE)
        for word in [heading.split()[1]]
    }
    there = {("coatcheck", name) for name in anywhere.commands} | {("coatcheck", "--version")}
    there |= {("manage.py", name) for name in manage.commands}
    assert documented == there


@pytest.mark.parametrize("group", [anywhere, manage], ids=["coatcheck", "manage"])
def test_every_option_is_documented(group):
    missing = [
        f"{name} {option}"
        for name, command in group.commands.items()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--") and option not in COMMANDS
    ]
    assert missing == []
