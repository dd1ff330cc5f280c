"""``{% load coatcheck %}`` and then ``{% once_token %}`` in a form whose view is ``@once``."""

from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.utils.safestring import SafeString

from ..submissions import once_token as field

register = template.Library()


@register.simple_tag(takes_context=True)
def once_token(context: Any, name: str = "") -> SafeString:
    """The hidden field that names one submission; *name* joins several forms to one."""
    request = context.get("request")
    if request is None:
        raise ImproperlyConfigured(
            "{% once_token %} needs the request in the template's context: render with "
            "render(request, ...), and with django.template.context_processors.request."
        )
    return field(request, name)
