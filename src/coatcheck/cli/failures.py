"""Tell what went wrong in one clear sentence, with the place in the site's own code.

Errors that coatcheck raises on purpose are told as they are. Errors of the site's code are told
with the lines of that code and without ours. Anything else is a mistake of coatcheck, and keeps
its traceback.
"""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from coatcheck.core.errors import CoatcheckError

FAILED = 1
TYPED = ("<command>", "<stdin>")
"""What code is called in a traceback that was given to ``shell`` and stands in no file."""


@contextmanager
def told(code: int = FAILED) -> Iterator[None]:
    """Tell an error raised in the block and exit with *code*."""
    try:
        yield
    except Exception as error:
        story = story_of(error)
        if story is None:
            raise
        click.echo(f"Error: {story}", err=True)
        sys.exit(code)


def story_of(error: Exception) -> str | None:
    """What to tell of *error*; None if coatcheck did not mean it and no code of the site ran."""
    from coatcheck.web.tracebacks import places

    own_lines = [place for place in places(error) if place.is_site or place.file in TYPED]
    if isinstance(error, CoatcheckError):
        story = str(error)
        if own_lines:
            story += f"\n  in {own_lines[-1].file}, line {own_lines[-1].line}"
        return story
    if not own_lines:
        return None
    if isinstance(error, SyntaxError):
        # Python's own words already show file, line and a mark under the place.
        lines = [f"{own_lines[-1].file} cannot be read:"]
    else:
        lines = [f"{own_lines[-1].file} raised an error:"]
        for place in own_lines:
            lines.append(f'  File "{place.file}", line {place.line}, in {place.function}')
            lines += [f"    {text.strip()}" for number, text in place.lines if number == place.line]
    said = "".join(traceback.format_exception_only(error))
    return "\n".join([*lines, said.rstrip()])
