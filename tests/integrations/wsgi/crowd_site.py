"""The application that the crowd of test_servers visits: ``gunicorn ...crowd_site:app``."""

import os
import time
from collections.abc import Iterable
from typing import Any, cast

from coatcheck import SessionPolicy, Sessions
from coatcheck.core.policy import Isolation
from coatcheck.integrations.wsgi import Environ, SessionMiddleware, StartResponse
from coatcheck.stores.sql import SQLStore
from tests.integrations.wsgi.routes import plain


def slower(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Each view, and time for others to come in between."""
    if environ["PATH_INFO"] != "/untouched":
        environ["coatcheck.session"].get("count")
        time.sleep(0.002)
    return plain(environ, start_response)


store: Any = SQLStore(os.environ["STORE"])
store.create_tables()
isolation = cast(Isolation, os.environ["ISOLATION"])
app = SessionMiddleware(slower, Sessions(store, policy=SessionPolicy(isolation=isolation, wait=50)))
