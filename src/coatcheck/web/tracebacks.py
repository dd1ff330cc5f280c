"""Find the lines of the site's own code in a traceback, for debug pages.

Templates count as own code: Jinja gives their lines to Python's tracebacks.
"""

import inspect
import linecache
import sysconfig
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_AROUND = 4
_OWN = Path(__file__).resolve().parents[1]
_LIBRARIES = tuple(
    {
        Path(folder).resolve()
        for key in ("stdlib", "platstdlib", "purelib", "platlib")
        if (folder := sysconfig.get_path(key))
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """One line that was running, with the lines around it."""

    file: str
    line: int
    function: str
    lines: tuple[tuple[int, str], ...]
    is_site: bool
    """Whether the line is the site's own, not a library's."""


def places(error: BaseException) -> tuple[Place, ...]:
    """The lines of *error*'s traceback, the outermost first."""
    found = list(_from_traceback(error.__traceback__))
    file, line = getattr(error, "filename", None), getattr(error, "lineno", None)
    if isinstance(file, str) and isinstance(line, int):
        # Python's and Jinja's syntax errors name the place that they could not read.
        found.append(_place(file, line, type(error).__name__))
    return tuple(found)


def site_place(error: BaseException) -> Place | None:
    """The innermost line of the site's own code, or None if none was running."""
    return next((place for place in reversed(places(error)) if place.is_site), None)


def full_text(error: BaseException) -> str:
    """The whole traceback with its causes, as Python prints it."""
    return "".join(traceback.format_exception(error))


def from_site(error: BaseException) -> TracebackType | None:
    """The traceback from the first line of the site's own code on; None if none was running."""
    step = error.__traceback__
    while step is not None and not _is_site(step.tb_frame.f_code.co_filename):
        step = step.tb_next
    return step


def definition(function: object) -> Place | None:
    """Where *function* begins; None for what has no Python code."""
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    return _place(code.co_filename, code.co_firstlineno, code.co_qualname) if code else None


def _from_traceback(step: TracebackType | None) -> Iterable[Place]:
    while step is not None:
        code = step.tb_frame.f_code
        # Jinja gives the steps of a template a name, and leaves their qualified name as it was.
        named = code.co_qualname.endswith(code.co_name)
        function = code.co_qualname if named else code.co_name
        yield _place(code.co_filename, step.tb_lineno, function)
        step = step.tb_next


def _place(file: str, line: int, function: str) -> Place:
    lines = linecache.getlines(file)
    first = max(1, line - _AROUND)
    around = tuple(
        (number, lines[number - 1].rstrip("\n"))
        for number in range(first, min(len(lines), line + _AROUND) + 1)
    )
    return Place(_shown(file), line, function, around, _is_site(file))


def _is_site(file: str) -> bool:
    if file.startswith("<"):
        return False
    path = Path(file).resolve()
    if path.is_relative_to(_OWN):
        return False
    return not any(path.is_relative_to(folder) for folder in _LIBRARIES)


def _shown(file: str) -> str:
    """*file* as its reader would name it: relative where it lies below the working folder."""
    path = Path(file)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return file
