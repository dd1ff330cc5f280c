"""What Flask's users type: it works, or says what to write instead."""

import sys

import httpx2
import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.web import App, database_files, g, jsonify, make_response, session
from coatcheck.web.elsewhere import IMPORT_HABITS, Elsewhere
from coatcheck.web.habits import Habits
from coatcheck.web.migrations import ensure_own
from coatcheck.web.settings import InvalidSettings, load_settings
from tests.web.project import COATCHECK, Folder
from tests.web.sites import KEY, OWN_PAGE, browser, shown, site


def test_jsonify_takes_one_value_several_or_fields():
    assert shown(lambda: jsonify(a=1)).get("/").json() == {"a": 1}
    assert shown(lambda: jsonify([1, 2])).get("/").json() == [1, 2]
    assert shown(lambda: jsonify(1, 2)).get("/").json() == [1, 2]
    assert shown(lambda: (jsonify({"a": 1}), 201)).get("/").status_code == 201
    with pytest.raises(TypeError):
        jsonify(1, a=1)


def test_make_response_gives_a_response_to_set_cookies_and_headers_on():
    def view():
        response = make_response("text", 201)
        response.set_cookie("seen", "1")
        response.headers["X-A"] = "b"
        return response

    answer = shown(view).get("/")
    assert (answer.status_code, answer.text, answer.headers["x-a"]) == (201, "text", "b")
    assert answer.cookies["seen"] == "1"
    assert shown(make_response).get("/").text == ""


def test_g_belongs_to_one_request():
    app = site()

    @app.route("/<name>")
    def view(name):
        before = g.get("name", "nobody")
        g.name = name
        return f"{before} {g.name} {'name' in g} {g.pop('name')} {'name' in g}"

    client = browser(app)
    assert client.get("/al").text == "nobody al True al False"
    assert client.get("/bo").text == "nobody bo True bo False"


def test_config_sets_settings_and_reads_them():
    app = App("x")
    app.config["SECRET_KEY"] = KEY
    app.config.update(SESSION_STORE="memory://", SHOP_NAME="Coats")
    app.config.from_mapping({"DEBUG": True}, SESSION_COOKIE_NAME="coat")
    assert app.secret_key == KEY
    assert (app.debug, app.settings.session_cookie_name) == (True, "coat")
    assert app.config["SHOP_NAME"] == "Coats"
    assert app.config.get("NOTHING") is None
    assert "SESSION_STORE" in app.config
    assert KEY not in repr(app.config)


def test_debug_is_set_like_in_flask():
    app = App("x", settings={"SECRET_KEY": KEY})
    app.debug = True
    assert app.settings.debug


def test_a_setting_of_flasks_is_told_its_name_here():
    app = App("x")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///x"
    with pytest.raises(InvalidSettings, match="here it is DATABASE_URL"):
        _ = app.settings


def test_a_setting_that_comes_too_late_is_refused():
    app = site()
    app.route("/")(lambda: "x")
    browser(app).get("/")
    for late in (
        lambda: app.config.update(DEBUG=False),
        lambda: setattr(app, "secret_key", KEY),
        lambda: setattr(app, "debug", False),
    ):
        with pytest.raises(ConfigurationError, match="right below app = App"):
            late()
    finished = App("x", settings=load_settings({"SECRET_KEY": KEY}))
    with pytest.raises(ConfigurationError, match="Set DEBUG in them instead"):
        finished.debug = True


@pytest.mark.parametrize(
    "name", [name for name in vars(Habits) if isinstance(vars(Habits)[name], Elsewhere)]
)
def test_a_name_of_flasks_app_says_what_to_write_here(name):
    with pytest.raises(AttributeError, match=f"App has no '{name}'. Here it is: "):
        getattr(App("x"), name)
    assert not hasattr(App("x"), name)


@pytest.mark.parametrize("name", IMPORT_HABITS)
def test_an_import_of_flasks_says_what_to_import_here(name):
    with pytest.raises(ImportError, match=f"coatcheck.web has no {name}. Here it is: "):
        exec(f"from coatcheck.web import {name}")  # noqa: S102


def test_the_logger_is_the_modules(caplog):
    App("shop").logger.warning("sold out")
    assert [(record.name, record.message) for record in caplog.records] == [("shop", "sold out")]


RUN = """
    from coatcheck.web import App, session

    app = App(__name__)

    @app.route("/")
    def visits():
        session["n"] = session.get("n", 0) + 1
        return f"visit {session['n']}"

    if __name__ == "__main__":
        app.run(port=0, debug=True)
"""


def test_python_app_py_serves_it(tmp_path):
    folder = Folder(tmp_path)
    folder.write("app.py", RUN)
    with folder.serving(sys.executable, "app.py") as server:
        url = server.url()
        assert server.get(url).text == "visit 1"


ONE_FILE = """
    from coatcheck.web import App, Mapped, Model, db, request, select

    app = App(__name__{settings})

    class Note(Model):
        text: Mapped[str]

    @app.route("/", methods=["GET", "POST"])
    def notes():
        if request.method == "POST":
            db.add(Note(text=request.form["text"]))
        return " ".join(db.scalars(select(Note.text)))
"""


@pytest.mark.parametrize("settings", ["", ', settings={"SECRET_KEY": "k" * 40}'])
def test_models_of_a_one_file_app_get_their_tables(tmp_path, settings):
    folder = Folder(tmp_path)
    folder.write("app.py", ONE_FILE.replace("{settings}", settings))
    for count in (1, 2):
        with folder.serving(*COATCHECK, "run", "app.py", "--port", "0") as server:
            url = server.url()
            assert ("Made the tables of app: app_note" in server.lines) == (count == 1)
            httpx2.post(url, data={"text": "hi"}, headers=OWN_PAGE, timeout=30)
            assert server.get(url).text == " ".join(["hi"] * count)


def test_a_script_closes_what_it_opened_without_a_loop(tmp_path):
    app = App("x", settings={"SECRET_KEY": KEY, "BASE_DIR": tmp_path})
    store = app.sessions.store
    app.close_blocking()
    assert app.sessions.store is not store
    app.close_blocking()


def test_a_database_file_that_is_deleted_while_serving_is_told(tmp_path, monkeypatch):
    file = tmp_path / "db.sqlite3"
    app = App("x", settings={"SECRET_KEY": KEY, "BASE_DIR": tmp_path, "DEBUG": True})
    app.route("/")(lambda: str(session.get("n")))
    ensure_own(app.settings, lambda message, *, nl=True: None)
    client = browser(app)
    assert client.get("/").status_code == 200
    for leftover in tmp_path.glob("db.sqlite3*"):
        leftover.unlink()
    monkeypatch.setattr(database_files, "_EVERY", 0.0)
    answer = client.get("/")
    assert answer.status_code == 503
    assert "CC053" in answer.text
    assert str(file) in answer.text
    app.close_blocking()
