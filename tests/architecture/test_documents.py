"""ARCHITECTURE.md shows the folders there are, and the list of libraries is complete."""

import re
from pathlib import Path

from tests.architecture.source import ROOT, repository_files, required_libraries


def folders_named() -> set[str]:
    """The folders in ARCHITECTURE.md's tree: one a line, indented under the one it is in."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    match = re.search(r"```text\ncoatcheck/\n(.*?)```", text, re.DOTALL)
    assert match, "ARCHITECTURE.md has no ```text block that starts with coatcheck/"
    found: set[str] = set()
    above: list[tuple[int, str]] = []
    for line in match[1].splitlines():
        entry = re.match(r"( *)(\S+)/(?: |$)", line)
        if not entry:
            continue
        indent = len(entry[1])
        above = [outer for outer in above if outer[0] < indent]
        path = "/".join([name for _, name in above] + [entry[2]])
        above.append((indent, entry[2]))
        found.add(path)
    return found


def folders_there() -> set[str]:
    return {
        parent.as_posix()
        for path in repository_files()
        for parent in path.parents
        if parent != Path()
    }


def must_be_named(folder: str) -> bool:
    """Top-level folders, the layers, and the parts of a layer; deeper ones may be."""
    parts = folder.split("/")
    return len(parts) == 1 or (parts[:2] == ["src", "coatcheck"] and len(parts) <= 4)


def test_architecture_names_every_folder():
    missing = {folder for folder in folders_there() if must_be_named(folder)} - folders_named()
    assert sorted(missing) == []


def test_architecture_names_no_folder_that_is_not_there():
    assert sorted(folders_named() - folders_there()) == []


def test_every_library_in_pyproject_has_its_line_in_the_decisions():
    table = (ROOT / "docs" / "decisions" / "dependencies.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `?([A-Za-z0-9._-]+)", table, re.MULTILINE))
    assert sorted(required_libraries(development=True) - explained) == []
