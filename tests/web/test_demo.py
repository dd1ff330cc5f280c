"""The demo site, its pages one by one, its panels, and what it does when things go wrong."""

import asyncio
import html
import importlib
import inspect
import re
import signal
import sys

import httpx2
import pytest

from coatcheck.web.migrations import ensure_own
from tests.web.demo import SERVE, SOURCE, copied
from tests.web.project import COATCHECK, Folder
from tests.web.sites import KEY, OWN_PAGE, browser, calls_of

TEMPLATES = sorted(SOURCE.glob("templates/*.html"))
MODULES = sorted(SOURCE.glob("**/*.py"))
EXERCISES = SOURCE.parent / "exercises"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Import the demo anew, over a database of its own."""
    loaded = []

    def load(**environment):
        monkeypatch.syspath_prepend(SOURCE)
        monkeypatch.setenv("COATCHECK_SETTINGS", "demo.settings")
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'demo.sqlite3'}")
        monkeypatch.setenv("SECRET_KEY", KEY)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        app = importlib.import_module("demo.asgi").app
        loaded.append(app)
        ensure_own(app.settings, lambda line, nl=True: None)
        return app

    yield load
    for app in loaded:
        asyncio.run(app.close())
    for name in [name for name in sys.modules if name.partition(".")[0] in ("demo", "pages")]:
        del sys.modules[name]


@pytest.fixture
def app(load):
    return load()


@pytest.fixture
def visitor(app):
    return browser(app, headers=OWN_PAGE)


@pytest.fixture
def production(load):
    return browser(load(DEBUG="0"), headers=OWN_PAGE)


def read(answer):
    """The words of a page, tags and what lies in them left out."""
    text = re.sub(r"<(style|title)>.*?</\1>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(text))


def panel(visitor, page="/"):
    """What the panel on *page* says that the session holds, as {name: (type, value)}."""
    one = r'class="key">(.*?)</span> <span class="type">(.*?)</span> <span class="value">(.*?)<'
    found = re.findall(one, visitor.get(page).text)
    return {html.unescape(key): (kind, html.unescape(value)) for key, kind, value in found}


# The pages


def test_the_start_page_leads_to_every_page(visitor):
    links = re.findall(r'class="card" href="([^"]+)"', visitor.get("/").text)
    exercises = ["visits", "cart", "preferences", "ninja_gold", "disappearing_ninjas"]
    exercises += ["email_validation", "login"]
    assert links == [f"/{name}/" for name in exercises] + ["/setsession/", "/username", "/broken/"]


def test_the_visit_counter_says_the_sentence_of_the_sample_program(visitor):
    assert visitor.get("/visit_counter/").text == "You have visited this page 1 times."
    assert visitor.get("/visit_counter/").text == "You have visited this page 2 times."
    assert "You have visited this page 3 times." in read(visitor.get("/visits/"))
    assert panel(visitor)["visit_count"] == ("int", "3")


def test_what_is_set_can_be_got_and_deleted(visitor):
    assert "The hook is empty." in read(visitor.get("/getsession/"))
    sent = visitor.post("/setsession/", data={"sname": "abc", "semail": "abc@gmail.com"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/getsession/")
    assert "abc abc@gmail.com" in read(visitor.get("/getsession/"))
    assert visitor.post("/delsession/").status_code == 303
    assert "The hook is empty." in read(visitor.get("/getsession/"))
    assert visitor.post("/delsession/").status_code == 303


def test_a_cart_keeps_what_was_appended_in_place(visitor):
    for product in ("scarf", "hat", "scarf"):
        assert visitor.post("/cart/add/", data={"product": product}).status_code == 303
    page = read(visitor.get("/cart/"))
    assert "Wool scarf is in your cart." in page
    assert "3 pieces € 116.00" in page
    assert 'role="status"' not in visitor.get("/cart/").text


def test_things_leave_the_cart_one_by_one_or_with_the_order(visitor):
    for product in ("scarf", "hat", "scarf", "boots"):
        visitor.post("/cart/add/", data={"product": product})
    visitor.post("/cart/take/", data={"product": "scarf"})
    assert "3 pieces € 138.00" in read(visitor.get("/cart/"))
    visitor.post("/cart/check_out/")
    page = read(visitor.get("/cart/"))
    assert "Nothing in it yet." in page
    assert "Ordered 3 pieces € 138.00" in page
    for action in ("take", "check_out"):
        assert visitor.post(f"/cart/{action}/", data={"product": "hat"}).status_code == 303
    assert read(visitor.get("/cart/")).count("3 pieces") == 1


def test_a_cart_does_not_grow_for_ever(visitor):
    for _ in range(21):
        visitor.post("/cart/add/", data={"product": "mittens"})
    page = read(visitor.get("/cart/"))
    assert "Your cart is full." in page
    assert "20 pieces" in page


def test_only_what_the_shop_sells_can_be_added(visitor):
    assert visitor.post("/cart/add/", data={"product": "elephant"}).status_code == 404
    assert visitor.post("/cart/add/", data={}).status_code == 400
    assert panel(visitor) == {}


@pytest.mark.parametrize(
    "address",
    [
        "/delsession/",
        "/cart/add/?product=hat",
        "/cart/take/?product=hat",
        "/cart/check_out/",
        "/ninja_gold/process_money/?building=farm",
        "/ninja_gold/reset/",
        "/email_validation/1/remove/",
        "/login/register/?username=Ada",
        "/login/enter/?name=Ada",
        "/login/leave/",
        "/start_over/",
        "/submit?username=Ada",
        "/forget",
    ],
)
def test_no_link_changes_anything(visitor, address):
    visitor.post("/cart/add/", data={"product": "hat"})
    before = panel(visitor)
    assert visitor.get(address).status_code == 405
    assert panel(visitor) == before


def test_preferences_change_language_and_theme_of_every_page(visitor):
    assert '<html lang="en" data-theme="auto">' in visitor.get("/").text
    sent = visitor.post("/preferences/", data={"language": "de", "theme": "dark"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/preferences/")
    page = visitor.get("/preferences/")
    assert '<html lang="de" data-theme="dark">' in page.text
    assert "Einstellungen" in read(page)
    assert "Gespeichert" in read(page)
    assert "Mantel abgeben, Marke behalten." in read(visitor.get("/"))
    assert panel(visitor)["theme"] == ("str", "'dark'")


@pytest.mark.parametrize(
    "wrong", [{"language": "xx", "theme": "dark"}, {"language": "de", "theme": '">'}, {}]
)
def test_a_preference_that_is_no_choice_is_refused_and_nothing_is_kept(visitor, wrong):
    assert visitor.post("/preferences/", data=wrong).status_code == 400
    assert panel(visitor) == {}


def test_a_username_is_sent_redirected_and_thanked(visitor):
    sent = visitor.post("/submit", data={"username": " Ada <3 "})
    assert (sent.status_code, sent.headers["location"]) == (303, "/thankyou")
    for _ in ("first", "reload"):
        page = visitor.get("/thankyou")
        assert "Thank you, Ada <3!" in read(page)
        assert "<3" not in page.text
    kept = panel(visitor)
    assert kept["username"] == ("str", "'Ada <3'")
    assert kept["told_at"][0] == "datetime"


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "Please type a name"), ("   ", "Please type a name"), ("x" * 41, "too long")],
)
def test_a_name_that_will_not_do_comes_back_with_a_friendly_word(visitor, name, said):
    answer = visitor.post("/submit", data={"username": name})
    assert answer.status_code == 422
    assert said in read(answer)
    assert f'value="{name}"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert panel(visitor) == {}


def test_a_name_can_be_forgotten(visitor):
    assert "Nobody to thank yet" in read(visitor.get("/thankyou"))
    visitor.post("/submit", data={"username": "Ada"})
    assert visitor.post("/forget").headers["location"] == "/username"
    assert "Nobody to thank yet" in read(visitor.get("/thankyou"))
    assert "username" not in panel(visitor)
    assert visitor.post("/forget").status_code == 303


def test_starting_over_empties_the_session_and_keeps_the_ticket(visitor):
    visitor.get("/visits/")
    ticket = visitor.cookies["session"]
    answer = visitor.post("/start_over/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Nothing any more. Your ticket is still good." in read(visitor.get("/"))
    assert visitor.cookies["session"] == ticket


# What stands behind the counter


def test_the_panel_shows_every_value_with_its_type(visitor):
    assert "Nothing yet. You have no ticket." in read(visitor.get("/"))
    visitor.post("/cart/add/", data={"product": "hat"})
    visitor.post("/preferences/", data={"language": "en", "theme": "light"})
    assert panel(visitor) == {
        "cart": ("list", ""),
        "0": ("str", "'hat'"),
        "preferences": ("dict", ""),
        "language": ("str", "'en'"),
        "theme": ("str", "'light'"),
    }


def test_what_a_visitor_sent_is_shown_as_text_and_shortened(visitor):
    visitor.post("/setsession/", data={"sname": "<b>" * 500, "semail": "a@b"})
    page = visitor.get("/getsession/").text
    assert "<b>" not in page
    assert panel(visitor)["sname"][1].endswith("…")


def test_the_panel_shows_what_the_last_request_changed(visitor):
    visitor.post("/cart/add/", data={"product": "hat"})
    assert "Last change: POST /cart/add/ cart = ['hat']" in read(visitor.get("/cart/"))
    visitor.post("/cart/add/", data={"product": "boots"})
    for _ in ("after the redirect", "reload"):
        page = read(visitor.get("/cart/"))
        assert "POST /cart/add/ cart = ['hat'] cart = ['hat', 'boots']" in page
    assert "GET /visits/ visit_count = 1" in read(visitor.get("/visits/"))
    visitor.post("/cart/check_out/")
    assert "POST /cart/check_out/ cart = ['hat', 'boots'] " in read(visitor.get("/"))


def test_nobody_is_shown_what_another_visitor_changed(app, visitor):
    visitor.get("/visits/")
    visitor.post("/cart/add/", data={"product": "hat"})
    other = browser(app, headers=OWN_PAGE)
    assert "Last change" not in read(other.get("/"))
    assert panel(other) == {}


def test_notes_of_changes_do_not_pile_up(app):
    changes = importlib.import_module("pages.changes")
    for number in range(changes.MOST_NOTES):
        changes._notes[f"session {number}"] = changes.Note([], "GET", "/")
    visitor = browser(app, headers=OWN_PAGE)
    for _ in range(2):
        visitor.get("/visit_counter/")
    assert len(changes._notes) == changes.MOST_NOTES
    assert "session 0" not in changes._notes


def test_the_code_beside_a_page_is_the_code_that_runs(app, visitor):
    for address, names in {
        "/visits/": ["visit_counter", "visits"],
        "/cart/": ["add_to_cart", "check_out"],
        "/setsession/": ["setsession", "delsession"],
        "/username": ["submit", "thankyou"],
    }.items():
        page = visitor.get(address).text
        shown = html.unescape(re.sub(r"<[^>]+>", "", page))
        for name in names:
            assert inspect.getsource(app.routes.named(name)[0].route.view) in shown


def test_beside_an_exercise_stand_all_its_files_in_both_styles(visitor):
    for address, folder in {
        "/cart/": "shopping_cart",
        "/ninja_gold/": "ninja_gold",
        "/disappearing_ninjas/ninjas/green/": "disappearing_ninjas",
    }.items():
        page = visitor.get(address).text
        shown = html.unescape(re.sub(r"<[^>]+>", "", page))
        assert f"coatcheck run examples/exercises/{folder}/route_style.py" in shown
        for name in ("views.py", "urls.py", "route_style.py"):
            assert (EXERCISES / folder / name).read_text() in shown
        for template in (EXERCISES / folder / "templates").glob("*.html"):
            assert f"<summary>templates/{template.name}</summary>" in page


def test_colouring_never_changes_the_text(app):
    highlight = importlib.import_module("pages.highlight")
    for files, colour in ((MODULES, highlight.python), (TEMPLATES, highlight.template)):
        for file in files:
            text = file.read_text()
            assert html.unescape(re.sub(r"</?span[^>]*>", "", str(colour(text)))) == text


def test_every_sentence_that_is_translated_stands_in_a_page(app):
    words = importlib.import_module("pages.words")
    files = [*TEMPLATES, *(file for file in MODULES if file.name != "words.py")]
    pages = "".join(file.read_text() for file in files).replace("'", '"')
    assert {text for text in words._WORDS if f'"{text}"' not in pages} == set()
    assert set(re.findall(r'\bt\("([^"]+)"\)', pages)) <= set(words._WORDS)
    assert all(len(translations) == 3 for translations in words._WORDS.values())


# The store, the headers, and mistakes


def test_a_static_file_and_a_stranger_make_no_store_call(app, visitor):
    calls = calls_of(app)
    assert visitor.get("/static/site.css").status_code == 200
    assert visitor.get("/").status_code == 200
    assert calls == []


def test_a_static_file_makes_no_store_call_for_a_visitor_with_a_session_either(app, visitor):
    visitor.get("/visits/")
    calls = calls_of(app)
    answer = visitor.get("/static/icon.svg")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert calls == []


def test_a_page_that_shows_the_session_reads_it_once_and_one_that_counts_writes_it_once(
    app, visitor
):
    calls = calls_of(app)
    visitor.get("/visits/")
    calls.clear()
    visitor.get("/cart/")
    assert calls == ["load"]
    calls.clear()
    visitor.get("/visits/")
    assert calls == ["load", "commit"]


def test_pages_may_run_no_script_and_hold_none(visitor):
    visitor.get("/visits/")
    for address in (
        "/",
        "/visits/",
        "/setsession/",
        "/cart/",
        "/ninja_gold/",
        "/login/",
        "/username",
    ):
        answer = visitor.get(address)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "<script" not in answer.text
        assert " style=" not in answer.text
        assert re.search(r"<[^<>]* on[a-z]+=", answer.text) is None
        assert re.search(r'(?:src|href)="(?:https?:)?//', answer.text) is None


def test_in_debug_a_mistake_is_explained(visitor):
    visitor.get("/visits/")
    answer = visitor.get("/broken/")
    assert answer.status_code == 500
    assert "The session has no key 'a key that nobody has set'" in read(answer)
    assert "style-src 'sha256-" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [("/nowhere/", 404, "Nothing hangs on this hook."), ("/broken/", 500, "fell off the rail")],
)
def test_in_production_an_error_page_says_little_and_reads_no_session(
    production, address, status, said
):
    answer = production.get(address)
    assert answer.status_code == status
    assert said in read(answer)
    assert "nobody has set" not in answer.text
    assert "set-cookie" not in answer.headers


def test_the_demo_goes_on_where_it_was_after_its_server_was_killed(tmp_path):
    demo = copied(tmp_path / "demo")
    with httpx2.Client(headers=OWN_PAGE) as visitor:
        with demo.serving(*SERVE) as server:
            url = server.url()
            assert visitor.get(url + "visit_counter/").text == "You have visited this page 1 times."
            assert visitor.get(url + "visit_counter/").text == "You have visited this page 2 times."
            visitor.post(url + "cart/add/", data={"product": "umbrella"})
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(20)
        with demo.serving(*SERVE) as server:
            url = server.url()
            assert visitor.get(url + "visit_counter/").text == "You have visited this page 3 times."
            assert "1 piece € 27.90" in read(visitor.get(url + "cart/"))


def test_the_counter_in_one_file_is_six_lines_and_counts(tmp_path):
    text = (SOURCE.parent / "counter.py").read_text()
    assert len([line for line in text.splitlines() if line]) == 6
    folder = Folder(tmp_path)
    folder.write("counter.py", text)
    with (
        folder.serving(*COATCHECK, "run", "counter.py", "--port", "0") as server,
        httpx2.Client() as visitor,
    ):
        url = server.url()
        assert visitor.get(url).text == "You have visited this page 1 times."
        assert visitor.get(url).text == "You have visited this page 2 times."
