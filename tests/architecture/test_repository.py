"""What is committed makes sense on any machine, and every module says what it is for."""

import ast
import re

from tests.architecture.source import PACKAGE, ROOT, package_modules, repository_files

# Folders of somebody's machine, and what a half-done merge leaves behind.
FOREIGN = re.compile(
    r"(?<![\w.])/(?:work|root|home|Users)/|(?<!\w)[A-Z]:\\Users\\|^(?:<{7}|>{7}) ",
    re.MULTILINE,
)
LEFTOVERS = {".bak", ".db", ".log", ".orig", ".pyc", ".rej", ".sqlite3", ".swp", ".tmp"}


def test_no_file_names_the_machine_it_was_written_on():
    found = []
    for path in repository_files():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for match in FOREIGN.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path}:{line}: {match[0]}")
    assert [hit for hit in found if not hit.startswith("tests/architecture/")] == []


def test_no_leftover_is_committed():
    assert [str(path) for path in repository_files() if path.suffix in LEFTOVERS] == []


def test_every_module_says_what_it_is_for():
    silent = [
        str(module)
        for module in package_modules()
        if not ast.get_docstring(ast.parse((PACKAGE / module).read_text(encoding="utf-8")))
    ]
    assert silent == []
