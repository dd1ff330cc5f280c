"""What Flask's users type by habit: the few names that are cheap to have, and words for the rest.

``jsonify``, ``make_response`` and ``g`` are here; ``Habits``, which ``App`` is, has ``run`` and
``config``, and says of the names that have another form here what that form is.
"""

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from starlette.responses import Response

from coatcheck.core.errors import CoatcheckError
from coatcheck.web.context import StandIn, current_request
from coatcheck.web.elsewhere import Elsewhere
from coatcheck.web.responses import JsonResponse, as_response

if TYPE_CHECKING:
    from coatcheck.web.app import App


class Habits:
    """The parts of Flask's application object that are not about routes."""

    import_name: str

    add_template_filter = Elsewhere('app.templates.filters["name"] = function')
    add_template_global = Elsewhere('app.templates.globals["name"] = function')
    add_url_rule = Elsewhere("app.route(rule, methods=[...])(view)")
    app_context = Elsewhere("with coatcheck.web.context.using(app): ...")
    context_processor = Elsewhere('app.templates.globals["name"] = value')
    jinja_env = Elsewhere("app.templates")
    permanent_session_lifetime = Elsewhere("SESSION_IDLE_TIMEOUT in the settings, in seconds")
    register_blueprint = Elsewhere("include() for a module with urlpatterns")
    register_error_handler = Elsewhere("app.errorhandler(kind)(function)")
    session_interface = Elsewhere("SESSION_STORE in the settings")
    teardown_appcontext = Elsewhere("@app.after_request, or a with block in the view")
    teardown_request = Elsewhere("@app.after_request, or a with block in the view")
    template_filter = Elsewhere('app.templates.filters["name"] = function')
    template_global = Elsewhere('app.templates.globals["name"] = function')
    test_client = Elsewhere("starlette.testclient.TestClient(app)")
    test_request_context = Elsewhere("starlette.testclient.TestClient(app).get(...)")
    url_map = Elsewhere("app.routes")
    wsgi_app = Elsewhere("the App itself, an ASGI application: uvicorn module:app")

    @property
    def config(self) -> "Config":
        """The settings as a mapping, to be set right below ``app = App(__name__)``."""
        return Config(cast("App", self))

    @property
    def logger(self) -> logging.Logger:
        """The logger of the module that made the app."""
        return logging.getLogger(self.import_name)

    def run(self, host: str = "127.0.0.1", port: int = 8000, debug: bool | None = None) -> None:
        """Serve the app from this process, for development, until it is told to stop.

        ``coatcheck run FILE`` does the same, can start anew when a file changes, and makes debug
        pages the default. Raises AddressUnusable.
        """
        from coatcheck.web import devserver

        app = cast("App", self)
        if debug is not None:
            app.config["DEBUG"] = debug
        listener = devserver.listen(host, port)
        logging.getLogger("coatcheck.web").warning(
            "%s is served at %s for development (CONTROL-C stops it). With reload: "
            "coatcheck run %s --reload",
            app.import_name,
            devserver.url_of(host, listener.getsockname()[1]),
            app.file.name if app.file else "FILE.py",
        )
        devserver.serve(app, listener)


class Config(MutableMapping[str, Any]):
    """A view of an app's settings: read what is in force, set what is not in use yet."""

    def __init__(self, app: "App") -> None:
        self._app = app

    def __getitem__(self, name: str) -> Any:
        settings = self._app.settings
        if name in settings.extra:
            return settings.extra[name]
        if name.isupper() and hasattr(settings, name.lower()):
            return getattr(settings, name.lower())
        raise KeyError(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self._app.override(name, value)

    def __delitem__(self, name: str) -> None:
        raise CoatcheckError(f"A setting has a value always: set {name} to another one.")

    def __iter__(self) -> Iterator[str]:
        from coatcheck.web.settings import NAMES

        return iter((*NAMES, *self._app.settings.extra))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def from_mapping(self, *mappings: Mapping[str, Any], **values: Any) -> None:
        """Set all of them, as ``update`` does."""
        for mapping in (*mappings, values):
            self.update(mapping)

    def __repr__(self) -> str:
        return (
            f"<Config of {self._app.import_name}>"  # no values: keys and passwords are among them
        )


class RequestValues(SimpleNamespace):
    """What the functions that answer one request hand to each other."""

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)

    def pop(self, name: str, *default: Any) -> Any:
        return vars(self).pop(name, *default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        return vars(self).setdefault(name, default)

    def __contains__(self, name: object) -> bool:
        return name in vars(self)

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self))


def _values() -> RequestValues:
    scope = current_request("g").scope
    found: RequestValues = scope.setdefault("coatcheck.g", RequestValues())
    return found


g = cast("RequestValues", StandIn("g", _values, lambda: RequestValues))
"""Values of the request being answered: ``g.user = ...``, in a view or before it."""


def jsonify(*values: Any, **fields: Any) -> JsonResponse:
    """JSON of one value, of several as a list, or of named *fields*."""
    if values and fields:
        raise TypeError("jsonify() takes values or named fields, not both.")
    return JsonResponse(fields if not values else values[0] if len(values) == 1 else list(values))


def make_response(*parts: Any) -> Response:
    """The response that a view's return of *parts* stands for, to set headers or cookies on."""
    if not parts:
        return as_response("", make_response)
    return as_response(parts[0] if len(parts) == 1 else parts, make_response)
