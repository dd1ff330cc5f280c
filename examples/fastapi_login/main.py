"""A FastAPI site with a login form, moved from Starlette's own sessions: two lines are different.

Run it with `uvicorn main:app`. `before.py` beside it is the same site before it moved; whoever is
logged in there stays logged in here.
"""

import hmac
from html import escape
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from coatcheck.integrations.fastapi import SessionMiddleware

SECRET_KEY = "put a key of your own here: python -c 'import secrets; print(secrets.token_hex())'"
PASSWORDS = {"ann": "open sesame", "bob": "swordfish"}  # a real site keeps hashes

app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=SECRET_KEY, store="sqlite:///sessions.sqlite3")


@app.get("/", response_class=HTMLResponse)
def home(request: Request) -> str:
    user = request.session.get("user_id")
    if user is None:
        return '<p>You are not logged in.</p><p><a href="/login">Log in</a></p>'
    visits = request.session["visits"] = request.session.get("visits", 0) + 1
    return (
        f"<p>Hello, {escape(user)}. This is your visit no. {visits}.</p>"
        '<form method="post" action="/logout"><button>Log out</button></form>'
    )


@app.get("/login", response_class=HTMLResponse)
def login_form() -> str:
    return (
        '<form method="post"><p><label>Name <input name="name"></label></p>'
        '<p><label>Password <input name="password" type="password"></label></p>'
        "<button>Log in</button></form>"
    )


@app.post("/login")
def login(
    request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()]
) -> RedirectResponse:
    if not hmac.compare_digest(PASSWORDS.get(name, "").encode(), password.encode()):
        return RedirectResponse("/login", 303)
    request.session.clear()
    request.session["user_id"] = name
    return RedirectResponse("/", 303)


@app.post("/logout")
def logout(request: Request) -> RedirectResponse:
    request.session.clear()
    return RedirectResponse("/", 303)
