"""Colour code by wrapping its words in spans. The text itself is never changed.

The classes are: k keyword, s string, c comment, n number, f name of a function, t template tag.
"""

import io
import keyword
import re
import tokenize

from markupsafe import Markup, escape

_SPAN = Markup('<span class="{}">{}</span>')
_CLASSES = {"STRING": "s", "COMMENT": "c", "NUMBER": "n"}
_TEMPLATE = re.compile(
    r"(?P<c>\{#.*?#\})|(?P<t>\{%.*?%\}|\{\{.*?\}\})|(?P<k></?[a-z][a-z0-9-]*|/?>)", re.DOTALL
)


def python(source):
    """Python code; *source* must be whole statements."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans = []
    defining = False
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        name = "s" if kind.startswith("FSTRING") else _CLASSES.get(kind)
        if keyword.iskeyword(token.string) and kind == "NAME":
            name = "k"
        elif defining or token.string == "@":
            name = "f"
        defining = token.string in ("def", "class", "@")
        if name:
            (row, column), (last_row, last_column) = token.start, token.end
            spans.append((starts[row - 1] + column, starts[last_row - 1] + last_column, name))
    return _coloured(source, spans)


def template(source):
    """A Jinja template of an HTML page."""
    found = _TEMPLATE.finditer(source)
    return _coloured(source, [(*match.span(), str(match.lastgroup)) for match in found])


def _coloured(source, spans):
    pieces = []
    done = 0
    for start, end, name in spans:
        if start >= done:
            pieces += [escape(source[done:start]), _SPAN.format(name, source[start:end])]
            done = end
    return Markup("").join([*pieces, escape(source[done:])])
