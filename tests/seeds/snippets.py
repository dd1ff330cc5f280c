"""The course notes as data: their code blocks, and the one rule by which they run here.

The rule: in import lines, and in dotted names of settings, the framework's modules become
``coatcheck.web``. Nothing else of a snippet is changed.
"""

import re
from pathlib import Path

IMPORTS = {
    r"from django\.(shortcuts|http|urls|contrib) import (.+)": r"from coatcheck.web import \2",
    r"from flask import Flask(.*)": r"from coatcheck.web import App as Flask\1",
}

SETTINGS = {
    "django.contrib.sessions.middleware.SessionMiddleware": (
        "coatcheck.web.middleware.SessionMiddleware"
    ),
    "django.contrib.sessions": "coatcheck.web.sessions",
}


class Notes:
    """The five files of notes in *folder*, in the order of their names."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.glob("*.txt"))

    def text(self, file: int) -> str:
        """The whole of a file."""
        return self.files[file].read_text()

    def block(self, file: int, number: int) -> str:
        """The fenced block *number*, counted from 1, of a file."""
        blocks: list[str] = re.findall(r"^```[a-z]*\n(.*?)^```", self.text(file), re.M | re.S)
        return blocks[number - 1]

    def python(self, file: int, *numbers: int) -> str:
        """Blocks of a file, joined, with their import lines changed."""
        return runnable("\n".join(self.block(file, number) for number in numbers))

    def commands(self, file: int, number: int) -> list[list[str]]:
        """The command lines of a block, as words, without the prompt."""
        lines = self.block(file, number).splitlines()
        return [line.lstrip("> ").split() for line in lines if line.strip()]

    def lines(self, file: int, pattern: str) -> list[str]:
        """The lines of a file that *pattern* matches from their start."""
        return [line for line in self.text(file).splitlines() if re.match(pattern, line)]


def runnable(code: str) -> str:
    """*code* with its import lines changed, and nothing else."""
    for pattern, replacement in IMPORTS.items():
        code = re.sub(rf"^{pattern}$", replacement, code, flags=re.M)
    return code + "\n"


def statement(line: str) -> str:
    """One line of a snippet without its comment."""
    return line.partition("#")[0].strip()
