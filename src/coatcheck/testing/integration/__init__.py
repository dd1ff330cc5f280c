"""What every integration of coatcheck promises, as HTTP scenarios for an integration of your own.

In a pytest file::

    from coatcheck import Sessions
    from coatcheck.testing import IntegrationContract

    class TestMyHost(IntegrationContract):
        def make_app(self, sessions: Sessions):
            return my_wsgi_or_asgi_application(sessions)

and run it. The application is called in this process, over a store that counts, stops and fails as
a scenario says; ``sessions`` carries the policy ("merge" isolation, or "serializable"). It has the
routes below, which answer GET and POST alike and read their values from the query. ``session`` is
what the host calls so. Texts are answered as ``text/plain``, with status 200 where nothing is said.

===========================  =====================================================================
route                        what its view does, and answers
===========================  =====================================================================
``/untouched``               never names the session: ``untouched``
``/count``                   ``session["count"] = session.get("count", 0) + 1``: the new count
``/get?key=``                ``repr(session.get(key))``
``/set?key=&value=``         ``session[key] = value``: anything
``/delete?key=``             ``session.pop(key, None)``: anything
``/nested?value=``           ``session.setdefault("cart", {"items": []})`` and then
                             ``session["cart"]["items"].append(value)``, and no more: anything
``/values``                  ``session.update(VALUES)`` with ``VALUES`` of this package: anything
``/login?user=``             logs *user* in, as the host does it: anything
``/logout``                  logs out, as the host does it: anything
``/renew``                   gives the session a new secret and keeps the rest: anything
``/who``                     the user who is logged in, or ``nobody``
``/flash?text=``             keeps a message for the next page: anything
``/flashes``                 takes the messages: their texts, with ``|`` between them
``/redirect?value=``         ``session["redirected"] = value``, and redirects to
                             ``/get?key=redirected`` with 302 or 303
``/stream?value=``           ``session["streamed"] = value``, and streams ``a``, ``b``, ``c``
``/late``                    streams: while it does, it tries ``session["late"] = 1``; yields
                             ``refused`` if that raises, ``taken`` if not
``/raise?value=``            ``session["failed"] = value``, and raises an exception of its own
``/error?value=``            ``session["failed"] = value``, and answers with status 500
``/missing?value=``          ``session["missed"] = value``, and answers 404 as the host does it
``/cached``                  reads ``session.get("count")`` and answers with the headers
                             ``Cache-Control: public, max-age=60`` and ``Vary: Accept``
===========================  =====================================================================

What a host cannot do is said in ``exceptions``, with its reason, and skipped by name. Where the
cookie has a name of the host's, define ``session_cookie``. With ``awaitable = True`` an ASGI
application gets a store that is awaited. Each part is a class in a file of its own.
"""

from .client import Answer, Browser
from .cookies import CookieScenarios
from .costs import CostScenarios
from .identity import IdentityScenarios
from .outages import OutageScenarios
from .races import RaceScenarios
from .values import VALUES, ValueScenarios


class IntegrationContract(
    RaceScenarios,
    CostScenarios,
    IdentityScenarios,
    ValueScenarios,
    CookieScenarios,
    OutageScenarios,
):
    """All scenarios of an integration. Define ``make_app``; the routes are in the module's text."""


__all__ = ["Answer", "Browser", "IntegrationContract", "VALUES"]
