"""The database's scope around a view."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from coatcheck.web.app import App


@contextmanager
def transaction(app: "App") -> Iterator[Callable[[Response], Response]]:
    """Give ``db`` a scope for this block: committed at its end, rolled back if it raises.

    What the block yields takes the view's response and hands it back: with a status of 500 and
    above, its work is undone too, as it is in the session. What is returned with a 4xx stands: the
    view chose to return it. The commit comes before the session's, so a session never speaks of
    rows that are not there.
    """
    if "coatcheck.web.database" not in sys.modules:
        # Nobody has imported db or Model, so there is nothing to commit and no SQLAlchemy.
        yield lambda response: response
        return
    with app.database.scope() as scope:

        def answered(response: Response) -> Response:
            if response.status_code >= 500:
                scope.rollback()
            return response

        yield answered
