"""What each code of a problem means, at more length than a page has: ``coatcheck explain``.

``problems`` gives the codes; a test holds both to each other. A code never changes its meaning.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Explanation(NamedTuple):
    title: str
    why: str
    mend: str


CODES: Mapping[str, Explanation] = {
    "CC001": Explanation(
        "The view returned nothing",
        "A function in Python that comes to its end without a return gives None, and None is no "
        "answer. Most often one branch of an if has a return and the other has none.",
        'Return on every path: return render(request, "page.html"), return redirect("/").',
    ),
    "CC002": Explanation(
        "The view returned what is no answer",
        "A view may return text, bytes, a dict or list (JSON), a tuple (body, status, headers), or "
        "a response object.",
        "Turn the value into one of those: str(value), jsonify(value), HttpResponse(value).",
    ),
    "CC003": Explanation(
        "No route of this name",
        "url_for, reverse or {% url %} was given a name that no route has, or values that its "
        "places do not take.",
        'Give the route the name: path("cart/", cart, name="cart") or @app.route("/cart", '
        'name="cart").',
    ),
    "CC004": Explanation(
        "Template not found",
        "None of the folders that the page lists holds a file of that name.",
        "Save the file in templates/ beside the app's file, in templates/ of an installed app, or "
        "name the folder: TEMPLATES in the settings.",
    ),
    "CC005": Explanation(
        "No request here",
        "request, session, flash() and their companions stand for the request that is being "
        "answered. At import time, and in threads of your own, there is none.",
        "Use them inside a view or in what it calls; start a thread with "
        "contextvars.copy_context().run(...).",
    ),
    "CC006": Explanation(
        "A mistake in a template",
        "The template cannot be read. Templates are Jinja's, with Django's tags for url, static "
        "and csrf_token.",
        "Mend the line shown. Filters take values in brackets: {{ day|default('today') }}.",
    ),
    "CC007": Explanation(
        "A template used what is not there",
        "A name that was not passed to the template was asked for something: {{ cart.total }} "
        "without a cart.",
        "Pass it, render(request, 'page.html', {'cart': cart}), or ask first: {% if cart %}.",
    ),
    "CC008": Explanation(
        "A redirect that cannot be sent",
        "The target holds characters that no Location header may carry, or a scheme other than "
        "http and https.",
        "Redirect to a path of your own; put a visitor's words into it with urllib.parse.quote().",
    ),
    "CC010": Explanation(
        "Nothing is at this address",
        "No route fits the path. The page lists the routes in the order they are tried.",
        'Add one, path("cart/", views.cart), or mend the link. A path with and one without a last '
        "slash are two.",
    ),
    "CC011": Explanation(
        "This address does not take this method",
        "The path is there, for other methods. Links and the address bar ask with GET, forms with "
        "what their method says.",
        'Name the methods at the route, methods=["GET", "POST"], or send a form instead of a link.',
    ),
    "CC012": Explanation(
        "Unknown host",
        "The Host header names none of this site's hosts. Links in mails and redirects are built "
        "with that header, so a foreign one is refused.",
        'Name the host in the settings: ALLOWED_HOSTS = ["www.example.com"].',
    ),
    "CC020": Explanation(
        "A field is missing",
        'request.POST["name"] was asked for a field that the form did not send. A checkbox that is '
        "not ticked and a disabled field are not sent at all.",
        'Check the name in the template, or use request.POST.get("name").',
    ),
    "CC021": Explanation(
        "The form cannot be read",
        "The body is broken or was cut off on its way: no honest browser sends such a one. It is "
        "refused whole, never taken for an empty form.",
        "Send it again. If a program sends it, look at the part that the message names.",
    ),
    "CC022": Explanation(
        "The form is too large",
        "More than one of the limits allows; the rest was not read.",
        'Send less, or let more in: FORM_LIMITS = {"field_size": 131072} in the settings, with the '
        "limit that the message names.",
    ),
    "CC023": Explanation(
        "The form is of a kind that is not read here",
        "Forms are read as UTF-8, uncompressed, and as a <form> sends them (urlencoded or "
        "multipart).",
        'Serve the page as UTF-8, <meta charset="utf-8">, and leave out enctype="text/plain".',
    ),
    "CC024": Explanation(
        "No room for the upload",
        "A large upload waits in the temporary directory, and that is full or cannot be written.",
        "Make room there, or name another directory in the environment variable TMPDIR.",
    ),
    "CC025": Explanation(
        "The body is not JSON",
        "request.json was asked for, and the body is something else or says so in its "
        "Content-Type.",
        "Send valid JSON with the header Content-Type: application/json.",
    ),
    "CC026": Explanation(
        "A file of another kind",
        "Upload.check() judges a file by its bytes, not by its name or by what the sender says of "
        "it. This one is too large, of another type, or has another type's extension.",
        "Choose another file, or allow its type where check() is called.",
    ),
    "CC027": Explanation(
        "The form came too slowly",
        "A form has BODY_TIMEOUT seconds to arrive, and one more for each 500 bytes that came. "
        "Slower ones would hold connections for hours, which is an old attack.",
        "Send it again over a better connection, or set BODY_TIMEOUT higher.",
    ),
    "CC030": Explanation(
        "The form was refused",
        "Nothing showed that the form was sent from a page of this site, so another site may have "
        "sent it in the visitor's name. Nothing was done with it.",
        "Write {% csrf_token %} inside the <form>; scripts send the token in the header "
        'X-CSRFToken. Sites that may send forms here: TRUSTED_ORIGINS = ["https://shop.example"].',
    ),
    "CC040": Explanation(
        "The session has no such key",
        'session["name"] was asked for a key that was never set, or that a logout cleared.',
        'Use session.get("name"), or set it first.',
    ),
    "CC041": Explanation(
        "A value that a session cannot keep",
        "Sessions keep plain data, dates, Decimal, UUID, sets, tuples and bytes. An object of a "
        "class of yours is not among them.",
        'Keep its id or its plain fields: session["user_id"] = user.id.',
    ),
    "CC042": Explanation(
        "Two requests changed the same",
        "Two requests read one key of the session and then both wrote it; the second would have "
        "taken the first one's change away.",
        'Use an operation that cannot clash: session.increment("n"), session.append("cart", item).',
    ),
    "CC043": Explanation(
        "The session is busy",
        "Another request of the same visitor has held the session for longer than writers wait.",
        'Find the slow view, and give it session="read" or let it do its slow work elsewhere.',
    ),
    "CC044": Explanation(
        "The session store does not answer",
        "Pages that use no session go on; others are refused rather than shown to a visitor who "
        "would seem logged out.",
        "Start the store, or correct SESSION_STORE. A missing table: python manage.py migrate.",
    ),
    "CC045": Explanation(
        "The session can no longer be changed",
        "Its changes were saved before the first byte of the answer went out, and this came later, "
        'or the route says session="read".',
        'Change it before you return, or leave out session="read".',
    ),
    "CC046": Explanation(
        "The session is too large",
        "A session is loaded with each request that uses it, so its size is limited.",
        "Keep what is large in a table of its own, and its id in the session.",
    ),
    "CC047": Explanation(
        "The session was not loaded",
        "An async view touched the session of a store that has to be awaited, before it was "
        "loaded.",
        "await request.session.load() first; in coatcheck.web that is done for you.",
    ),
    "CC048": Explanation(
        "The cookie is too large",
        "Browsers keep 4,096 bytes of name and value, and drop a larger cookie without a word.",
        "Keep less in it, or sessions on the server: SESSION_STORE.",
    ),
    "CC050": Explanation(
        "A table is missing",
        "The database has no table of that name: its migration was not written or not applied, or "
        "the app with the model is not in INSTALLED_APPS.",
        "python manage.py makemigrations, then python manage.py migrate. One file: coatcheck run "
        "FILE.py makes its tables by itself.",
    ),
    "CC051": Explanation(
        "A column is missing",
        "The model has a column that the table has not.",
        "python manage.py makemigrations, then python manage.py migrate.",
    ),
    "CC052": Explanation(
        "The database is locked",
        "SQLite has one writer at a time, and another process did not give the lock back.",
        "End the process that keeps a transaction open; keep slow work out of transactions.",
    ),
    "CC053": Explanation(
        "The database file is gone",
        "The SQLite file was deleted or replaced while the site serves it. Connections that are "
        "open go on in a file that nobody can reach, so all requests are refused.",
        "Start the server anew, or move the file back.",
    ),
    "CC060": Explanation(
        "The site is not set up right",
        "Settings, routes or models contradict each other or cannot work.",
        "Do what the message says; python manage.py check looks the whole site over.",
    ),
}
"""By code. Others are CC and a status, such as CC404: raised on purpose by the site's own code."""
