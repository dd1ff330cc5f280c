"""The blog of Flask's tutorial moves in, as docs/how-to/flask.md has it, and keeps its visitor."""

import difflib
import shutil
from pathlib import Path

from tests.integrations.wsgi.servers import Client, gunicorn

ROOT = Path(__file__).parents[2]
LINES = {
    "from werkzeug.security import check_password_hash, generate_password_hash\n": (
        "from coatcheck.integrations.flask import Coatcheck\n"
    ),
    'app.config["SECRET_KEY"] = "dev"\n': 'Coatcheck(app, move_from="flask")\n',
}
"""After which line of the blog which line of the how-to comes."""


def moved(source: str) -> str:
    for line, new in LINES.items():
        assert line in source
        source = source.replace(line, line + new)
    return source


def test_the_how_to_changes_two_lines():
    how_to = (ROOT / "docs" / "how-to" / "flask.md").read_text(encoding="utf-8")
    for line in LINES.values():
        assert line in how_to
    before = (ROOT / "examples" / "flask_blog" / "blog.py").read_text(encoding="utf-8")
    changes = difflib.ndiff(before.splitlines(), moved(before).splitlines())
    assert sorted(line[0] for line in changes if line[0] != " ") == ["+", "+"]


def test_who_is_logged_in_stays_so_while_the_site_moves_in(tmp_path):
    site = tmp_path / "site"
    shutil.copytree(ROOT / "examples" / "flask_blog", site)
    ann = "username=ann&password=a-long-password"
    with gunicorn("blog:app", site) as port, Client(port) as browser:
        browser.send("POST", "/register", ann)
        browser.send("POST", "/login", ann)
        browser.send("POST", "/create", "title=Before&body=the+move")
        cookies = dict(browser.cookies)

    blog = site / "blog.py"
    blog.write_text(moved(blog.read_text(encoding="utf-8")), encoding="utf-8")

    with gunicorn("blog:app", site) as port, Client(port, cookies) as browser:
        page = browser.get("/")
        assert ">ann<" in page
        assert "Posted." in page  # a flash that was waiting
        assert browser.cookies["session"] != cookies["session"]
        browser.send("POST", "/create", "title=After&body=the+move")
        assert "Posted." in browser.get("/")
        in_store = dict(browser.cookies)
        browser.get("/logout")
        with Client(port, in_store) as thief:
            assert ">ann<" not in thief.get("/")  # ended is ended
        browser.send("POST", "/login", ann)
        assert ">ann<" in browser.get("/")
    assert (site / "instance" / "sessions.sqlite3").exists()
