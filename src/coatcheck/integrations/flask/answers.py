"""What a visitor of a Flask application sees when the session cannot be loaded or saved.

It is an ordinary 409 or 503 of Werkzeug's, so the application's own handlers for these are asked.
"""

import logging

import flask
from werkzeug.exceptions import Conflict, HTTPException, ServiceUnavailable

from coatcheck.core.errors import CoatcheckError, StoreUnavailable
from coatcheck.integrations.refusals import plain_words

logger = logging.getLogger("coatcheck")


def answer_to(app: flask.Flask, error: CoatcheckError) -> flask.Response:
    """The response to *error*, by the handlers of *app*."""
    return app.make_response(app.handle_user_exception(error))


def shown(error: CoatcheckError) -> flask.Response:
    """What *error* looks like where the application has no handler for it."""
    app = flask.current_app
    headers, text = plain_words(error)
    words = text.partition(":")[2].strip()
    shape: HTTPException
    if isinstance(error, StoreUnavailable):
        logger.error("%s answered with 503: %s", flask.request.path, error)
        shape = ServiceUnavailable(words)
    else:
        logger.warning("%s answered with 409: %s", flask.request.path, error)
        shape = Conflict(words)
    response = app.make_response(app.handle_http_exception(shape))
    for name, value in headers:
        if name != "Content-Type":
            response.headers.setdefault(name, value)
    return response


def turn_into(response: flask.Response, other: flask.Response) -> None:
    """Make *response*, which is nearly finished, say what *other* says, and nothing else."""
    close = getattr(response.response, "close", None)
    if close is not None:
        close()
    response.response = other.response
    response.status = other.status
    response.direct_passthrough = other.direct_passthrough
    response.headers.clear()
    response.headers.extend(other.headers)
