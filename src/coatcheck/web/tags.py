"""The tags that Django's templates have and Jinja lacks, such as csrf_token, and honeypot."""

from typing import Any

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from markupsafe import Markup

from coatcheck.forms.csrf import hidden_field
from coatcheck.web import context


class CsrfToken:
    """The token of the form being shown: ``{{ csrf_token() }}`` or ``{{ csrf_token }}``.

    With *once*, all forms of that name are one submission: see ``Csrf.token``.
    """

    def __call__(self, once: str = "") -> str:
        return context.current_request("csrf_token").csrf.token(str(once))

    def __str__(self) -> str:
        return self()

    __html__ = __str__  # a token is made of letters and digits only


class CsrfInput:
    """The hidden field with the token: ``{{ csrf_input }}``, the same as ``{% csrf_token %}``."""

    def __call__(self, once: str = "") -> Markup:
        return Markup(hidden_field(csrf_token(once)))  # noqa: S704 (a token holds no HTML)

    def __str__(self) -> str:
        return str(self())

    __html__ = __str__


csrf_token = CsrfToken()
csrf_input = CsrfInput()


class DjangoTags(Extension):
    """``{% csrf_token %}``, ``{% url 'name' value key=value %}``, ``{% static 'site.css' %}``.

    The first takes ``once="name"``, for forms that are one submission together, the others ``as
    variable``, to keep the address for later. ``{% load static %}`` is accepted and does nothing,
    because the tags are there anyway. ``{% honeypot %}`` is ours: see ``honeypot``.
    """

    tags = {"csrf_token", "honeypot", "url", "static", "load"}  # noqa: RUF012 (declared so by Jinja)

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        tag = next(parser.stream)
        match tag.value:
            case "csrf_token":
                once = _once(parser)
                return nodes.Output([self.call_method("field", [once])]).set_lineno(tag.lineno)
            case "honeypot":
                return nodes.Output([self.call_method("trap")]).set_lineno(tag.lineno)
            case "load":
                return _load(parser, tag.lineno)
        args, kwargs, target = _arguments(parser, tag.value)
        call = self.call_method(tag.value, args, kwargs)
        if target is None:
            return nodes.Output([call]).set_lineno(tag.lineno)
        return nodes.Assign(nodes.Name(target, "store"), call).set_lineno(tag.lineno)

    def field(self, once: str) -> Markup:
        return csrf_input(once)

    def trap(self) -> Markup:
        from coatcheck.web.traps import honeypot_fields

        return honeypot_fields()

    def url(self, name: str, *args: Any, **kwargs: Any) -> str:
        return context.reverse(name, args, kwargs)

    def static(self, file: str) -> str:
        return context.static_url(file)


def _once(parser: Parser) -> nodes.Expr:
    """What ``{% csrf_token once=... %}`` names; the empty text where it is not there."""
    if parser.stream.current.type == "block_end":
        return nodes.Const("")
    if not parser.stream.skip_if("name:once"):
        parser.fail('{% csrf_token %} takes nothing but a name: {% csrf_token once="checkout" %}.')
    parser.stream.expect("assign")
    return _value(parser)


def _load(parser: Parser, line: int) -> list[nodes.Node]:
    while parser.stream.current.type != "block_end":
        library = next(parser.stream)
        if library.value != "static":
            parser.fail(
                f"{{% load {library.value} %}}: there is no such tag library here. Give Jinja "
                "functions or filters with app.templates.globals and .filters instead.",
                line,
            )
    return []


def _arguments(
    parser: Parser, tag: str
) -> tuple[list[nodes.Expr], list[nodes.Keyword], str | None]:
    """What stands in the tag: values, key=value pairs, and the name after ``as``."""
    args: list[nodes.Expr] = []
    kwargs: list[nodes.Keyword] = []
    target: str | None = None
    stream = parser.stream
    while stream.current.type != "block_end":
        if stream.skip_if("name:as"):
            target = stream.expect("name").value
        elif stream.current.type == "name" and stream.look().type == "assign":
            key = next(stream)
            next(stream)
            kwargs.append(nodes.Keyword(key.value, _value(parser), lineno=key.lineno))
        else:
            stream.skip_if("comma")
            args.append(_value(parser))
    if not args:
        parser.fail(f"{{% {tag} %}} needs a name in quotes, such as {{% {tag} 'name' %}}.")
    return args, kwargs, target


def _value(parser: Parser) -> nodes.Expr:
    if parser.stream.current.type == "string":
        # Jinja would join two texts that follow each other into one.
        token = next(parser.stream)
        text = nodes.Const(token.value, lineno=token.lineno)
        return parser.parse_filter(text) or text
    return parser.parse_expression()
