"""Registering, logging in and out in one short file and three short templates, as promised."""

import importlib.util
import re
import sys

import pytest

from tests.unit.forms.typed.page import Page
from tests.web.sites import OWN_PAGE, browser

PROGRAM = """
from coatcheck.forms import Email, Form, NewPassword, Password, field
from coatcheck.web import (App, auth, flash, login, login_required, logout, redirect,
                           render_template, request)

app = App(__name__)
app.config["INSTALLED_APPS"] = ["coatcheck.web.auth"]

class Register(Form):
    email: Email
    password: NewPassword = field(min=8)
    confirm: Password = field(same_as="password")

class Login(Form):
    email: Email
    password: Password

@app.form("/register", Register)
def register(form):
    auth.create(form.email, form.password)
    flash("Account created, please log in.")
    return redirect("/login")

@app.form("/login", Login, name="login")
def log_in(form):
    login(request, auth.check(form.email, form.password))
    return redirect("/")

@app.post("/logout")
def log_out():
    logout(request)
    return redirect("/login")

@app.route("/")
@login_required(login_url="/login")
def home():
    return render_template("home.html")
"""

TEMPLATES = {
    "register.html": "<h1>Register</h1>{{ form.element('Register') }}",
    "log_in.html": """{% for message in get_flashed_messages() %}<p role=status>{{ message }}</p>
{% endfor %}<h1>Log in</h1>{{ form.element('Log in') }}""",
    "home.html": """<h1>Hello {{ user.email }}</h1>
<form method="post" action="/logout">{% csrf_token %}<button>Log out</button></form>""",
}

GOOD = {"email": "al@example.com", "password": "correct horse", "confirm": "correct horse"}


@pytest.fixture
def visitor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COATCHECK_SETTINGS", raising=False)
    (tmp_path / "templates").mkdir()
    for name, text in TEMPLATES.items():
        (tmp_path / "templates" / name).write_text(text)
    (tmp_path / "short.py").write_text(PROGRAM)
    found = importlib.util.spec_from_file_location("short", tmp_path / "short.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, "short", module)
    found.loader.exec_module(module)
    return browser(module.app, headers=OWN_PAGE)


def send(visitor, address, values):
    """As a browser does: the page first, then the form on it with these values."""
    page = Page(visitor.get(address).text.replace("role=status", 'role="status"'))
    return visitor.post(address, data=dict(page.sends()) | values)


def test_it_takes_no_more_than_forty_lines():
    assert len(re.findall(r"^\s*\S", PROGRAM, re.MULTILINE)) <= 40
    assert all(len(text.splitlines()) <= 3 for text in TEMPLATES.values())


def test_a_visitor_registers_logs_in_and_out(visitor):
    assert visitor.get("/").headers["location"].startswith("/login")
    assert send(visitor, "/register", GOOD | {"confirm": "other"}).status_code == 422
    assert send(visitor, "/register", GOOD).headers["location"] == "/login"
    assert "Account created, please log in." in visitor.get("/login").text
    assert "Account created" not in visitor.get("/login").text
    assert send(visitor, "/login", GOOD | {"password": "wrong"}).status_code == 422
    assert send(visitor, "/login", GOOD).headers["location"] == "/"
    assert "Hello al@example.com" in visitor.get("/").text
    assert send(visitor, "/", {}).status_code == 405
    assert visitor.post("/logout", data={}).headers["location"] == "/login"
    assert visitor.get("/").status_code == 302


def test_a_double_click_on_register_makes_one_user_and_gets_one_answer(visitor):
    page = Page(visitor.get("/register").text)
    sent = dict(page.sends()) | GOOD
    answers = [visitor.post("/register", data=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert [answer.headers["location"] for answer in answers] == ["/login", "/login"]


def test_a_mended_form_is_processed_after_one_that_was_refused(visitor):
    page = Page(visitor.get("/register").text)
    sent = dict(page.sends())
    assert visitor.post("/register", data=sent | GOOD | {"confirm": "x"}).status_code == 422
    assert visitor.post("/register", data=sent | GOOD).status_code == 303
