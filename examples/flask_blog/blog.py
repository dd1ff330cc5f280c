"""A blog with login, as Flask's tutorial builds it: register, log in, write, edit and delete posts.

It is here as people have it, with Flask's own sessions. docs/how-to/flask.md moves it in with two
lines, and a test does so with a visitor who is logged in. Run it: `flask --app blog run`.
"""

import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import (
    Flask,
    abort,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__, instance_path=str(Path.cwd() / "instance"))
app.config["SECRET_KEY"] = "dev"

SCHEMA = """
create table if not exists user (
  id integer primary key, username text unique not null, password text not null);
create table if not exists post (
  id integer primary key, author_id integer not null references user, title text not null,
  body text not null, created timestamp not null default current_timestamp);
"""


def database() -> sqlite3.Connection:
    if "database" not in g:
        Path(app.instance_path).mkdir(exist_ok=True)
        g.database = sqlite3.connect(Path(app.instance_path) / "blog.sqlite3")
        g.database.row_factory = sqlite3.Row
        g.database.executescript(SCHEMA)
    connection: sqlite3.Connection = g.database
    return connection


@app.teardown_appcontext
def close_database(error: BaseException | None) -> None:
    if (connection := g.pop("database", None)) is not None:
        connection.close()


@app.before_request
def load_logged_in_user() -> None:
    user_id = session.get("user_id")
    query = "select * from user where id = ?"
    g.user = user_id and database().execute(query, (user_id,)).fetchone()


def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def wrapped(**arguments: Any) -> Any:
        return redirect(url_for("login")) if g.user is None else view(**arguments)

    return wrapped


@app.route("/register", methods=["GET", "POST"])
def register() -> Any:
    if request.method == "POST":
        password = generate_password_hash(request.form["password"])
        try:
            with database() as connection:
                connection.execute(
                    "insert into user (username, password) values (?, ?)",
                    (request.form["username"], password),
                )
        except sqlite3.IntegrityError:
            flash("That name is taken.")
        else:
            return redirect(url_for("login"))
    return render_template("form.html", title="Register", fields=["username", "password"])


@app.route("/login", methods=["GET", "POST"])
def login() -> Any:
    if request.method == "POST":
        query = "select * from user where username = ?"
        user = database().execute(query, (request.form["username"],)).fetchone()
        if user is not None and check_password_hash(user["password"], request.form["password"]):
            session.clear()
            session["user_id"] = user["id"]
            return redirect(url_for("index"))
        flash("Wrong name or password.")
    return render_template("form.html", title="Log in", fields=["username", "password"])


@app.route("/logout")
def logout() -> Any:
    session.clear()
    return redirect(url_for("index"))


@app.route("/")
def index() -> str:
    posts = database().execute(
        "select post.*, username from post join user on user.id = author_id order by post.id desc"
    )
    return render_template("index.html", posts=posts.fetchall())


@app.route("/create", methods=["GET", "POST"])
@login_required
def create() -> Any:
    if request.method == "POST":
        with database() as connection:
            connection.execute(
                "insert into post (title, body, author_id) values (?, ?, ?)",
                (request.form["title"], request.form["body"], g.user["id"]),
            )
        flash("Posted.")
        return redirect(url_for("index"))
    return render_template("form.html", title="New post", fields=["title", "body"])


@app.route("/<int:id>/delete", methods=["POST"])
@login_required
def delete(id: int) -> Any:
    with database() as connection:
        done = connection.execute(
            "delete from post where id = ? and author_id = ?", (id, g.user["id"])
        )
    if not done.rowcount:
        abort(404)
    return redirect(url_for("index"))
