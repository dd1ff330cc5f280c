"""Read the repository as data: which files it has, and which modules they import."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "coatcheck"


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is committed or about to be, relative to the root."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (Path(name) for name in listing.split("\0") if name)
    return tuple(sorted(path for path in paths if (ROOT / path).is_file()))


def package_modules() -> list[Path]:
    """Every Python file of the package, relative to ``src/coatcheck``."""
    return sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imported(module: Path) -> Iterator[tuple[str, int]]:
    """Every top-level name that *module* imports, wherever in the file, with its line."""
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            # A relative import stays inside the package.
            name = node.module if node.module and not node.level else "coatcheck"
            yield name.partition(".")[0], node.lineno


def required_libraries(*, development: bool) -> set[str]:
    """The libraries that pyproject.toml names, with or without those of the extra ``dev``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra, wanted in project["optional-dependencies"].items():
        if development or extra != "dev":
            lines += wanted
    names: set[str] = {canonicalize_name(Requirement(line).name) for line in lines}
    return names - {"coatcheck"}
