"""Names that Flask and Django have and coatcheck writes in another way, with that way.

Light: it is looked at whenever a name is not found in ``coatcheck.web``.
"""

from collections.abc import Mapping
from typing import NoReturn

# What to import instead, by the name that was typed.
IMPORT_HABITS: Mapping[str, str] = {
    "Blueprint": "a module with urlpatterns, and include() for it",
    "Flask": "from coatcheck.web import App",
    "Markup": "from markupsafe import Markup",
    "current_app": "from coatcheck.web import request, then request.app",
    "escape": "from markupsafe import escape",
    "get_object_or_404": "db.get(Model, id), and raise Http404 where that is None",
    "messages": "from coatcheck.web import flash",
    "models": "from coatcheck.web import Model, Mapped, mapped_column",
    "render_template_string": "a template file, and render_template() for it",
    "send_file": "from coatcheck.web import FileResponse",
    "send_from_directory": "FileResponse, with a path that no visitor's words are in",
    "stream_with_context": "from coatcheck.web import StreamingHttpResponse",
}


class Elsewhere:
    """A name of Flask's application that has another form here, and says which."""

    def __init__(self, instead: str) -> None:
        self._instead = instead
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, app: object, owner: type | None = None) -> NoReturn:
        raise AttributeError(f"App has no {self._name!r}. Here it is: {self._instead}.")
