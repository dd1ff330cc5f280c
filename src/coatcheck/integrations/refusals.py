"""What a visitor is told when the session cannot be loaded or saved, in plain words.

Nothing in it gives away how the site works; the log has the error itself.
"""

import logging

from coatcheck.core.errors import CoatcheckError, SessionConflict, StoreUnavailable

logger = logging.getLogger("coatcheck")

Headers = list[tuple[str, str]]

REASONS = {409: "Conflict", 503: "Service Unavailable"}

VISITORS_ERRORS = (SessionConflict, StoreUnavailable)
"""What the visitor is told of; other errors are the application's own and go on to its handlers."""


def log_refusal(path: str, error: CoatcheckError) -> None:
    """Tell the operator why *path* is answered with the status of *error*."""
    level = logging.ERROR if error.status >= 500 else logging.WARNING
    logger.log(level, "%s answered with %d: %s", path, error.status, error)


def plain_words(error: CoatcheckError) -> tuple[Headers, str]:
    """Headers and one sentence of text for *error*, whose status the answer has."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    text = f"{error.status}: the request could not be completed.\n"
    if isinstance(error, StoreUnavailable):
        headers.append(("Retry-After", str(error.retry_after)))
        text = "503: sessions are not available at the moment. Please try again in a few seconds.\n"
    elif isinstance(error, SessionConflict):
        text = "409: another request of yours changed the same data. Please send this one again.\n"
    return headers, text
