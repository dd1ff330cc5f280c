"""What templates know without being told, and how their mistakes are shown."""

import re

import pytest

from coatcheck.forms.csrf import FIELD
from coatcheck.web import App, flash, path, render, render_template, session
from coatcheck.web.context import using
from coatcheck.web.errors import NoReverseMatch, TemplateMissing
from tests.web.sites import KEY, OWN_PAGE, browser


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        file = tmp_path / "templates" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    (tmp_path / "templates").mkdir()
    return write


@pytest.fixture
def app(tmp_path):
    return App(
        "a one-file app",
        settings={
            "DEBUG": True,
            "SECRET_KEY": KEY,
            "SESSION_STORE": "memory://",
            "BASE_DIR": tmp_path,
        },
    )


@pytest.fixture
def page(app, write):
    """The text of a page made from a template's source, by a view that may fill the session."""

    def page(source, fill=lambda: None, **values):
        write("page.html", source)

        def view():
            fill()
            return render_template("page.html", **values)

        app.route("/")(view)
        return browser(app).get("/")

    return page


def test_both_styles_of_rendering_make_the_same_page(app, write):
    write("users.html", "{% for user in users %}<li>{{ user }}</li>{% endfor %}")

    @app.route("/flask")
    def show_users():
        return render_template("users.html", users=["al", "bo"])

    app._own_routes.append(
        path("django/", lambda request: render(request, "users.html", {"users": ["al", "bo"]}))
    )
    client = browser(app)
    assert client.get("/flask").text == "<li>al</li><li>bo</li>"
    assert client.get("/django/").text == "<li>al</li><li>bo</li>"


def test_values_are_escaped(page):
    assert page("{{ name }}", name="<script>").text == "&lt;script&gt;"


def test_text_templates_are_not_escaped(app, write):
    write("mail.txt", "{{ name }}")
    with using(app):
        assert render_template("mail.txt", name="<al>") == "<al>"


@pytest.mark.parametrize("start", ["request.session", "session"])
@pytest.mark.parametrize(
    "key", ["username", "items", "get", "keys", "values", "pop", "clear", "user"]
)
def test_a_key_of_the_session_is_meant_first(page, start, key):
    def fill():
        session[key] = "mine"

    assert page(f"{{{{ {start}.{key} }}}}", fill).text == "mine"


def test_the_sessions_methods_are_there_where_no_key_has_their_name(page):
    def fill():
        session["a"] = 1

    source = "{% for key, value in session.items() %}{{ key }}={{ value }}{% endfor %}"
    assert page(source + "{{ session.get('b', 'none') }}", fill).text == "a=1none"


@pytest.mark.parametrize("name", ["missing", "destroy", "login", "token", "record", "__class__"])
def test_what_is_no_key_of_the_session_shows_as_nothing(page, name, caplog):
    assert page(f"[{{{{ request.session.{name} }}}}]").text == "[]"
    assert not [record for record in caplog.records if record.name == "coatcheck.web.templates"]


def test_item_first_is_for_the_session_only(page):
    assert page("{{ data.items() | list }}", data={"items": 1}).text.startswith("[(")


def test_a_page_that_shows_no_session_does_not_touch_it(page):
    answer = page("{{ request.path }}")
    assert "vary" not in answer.headers
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("source", ["{% csrf_token %}", "{{ csrf_input }}", "{{ csrf_input() }}"])
def test_the_field_of_a_form_is_hidden_input(page, source):
    text = page(source).text
    assert re.fullmatch(rf'<input type="hidden" name="{FIELD}" value="[A-Za-z0-9_-]{{128}}">', text)


@pytest.mark.parametrize("source", ["{{ csrf_token }}", "{{ csrf_token() }}"])
def test_the_bare_token_is_a_text(page, source):
    assert re.fullmatch(r"[A-Za-z0-9_-]{128}", page(source).text)


def test_the_tags_work_in_imported_macros(app, write, page):
    write("forms.html", "{% macro form() %}{% csrf_token %}{{ request.path }}{% endmacro %}")
    text = page("{% import 'forms.html' as forms %}{{ forms.form() }}").text
    assert FIELD in text
    assert text.endswith("/")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% url 'item' 7 %}", "/items/7"),
        ("{% url 'item' id=number %}", "/items/3"),
        ("{% url 'item' number|int %}", "/items/3"),
        ("{% url 'pair' 'a' 'b' %}", "/a-b"),
        ("{% url 'item' id=7 as there %}[{{ there }}]", "[/items/7]"),
        ("{{ url_for('item', id=7, page=2) }}", "/items/7?page=2"),
        ("{% static 'site.css' %}", "/static/site.css"),
        ("{% static 'a b.css' as there %}{{ there }}", "/static/a%20b.css"),
        ("{{ static('site.css') }}", "/static/site.css"),
        ("{% load static %}{% static 'x' %}", "/static/x"),
    ],
)
def test_addresses_in_templates(app, page, source, text):
    app.route("/items/<int:id>", endpoint="item")(lambda **values: "")
    app.route("/<a>-<b>", endpoint="pair")(lambda a, b: "")
    assert page(source, number=3).text == text


def test_addresses_lie_below_the_path_that_a_server_mounted_the_app_at(app, write):
    from starlette.applications import Starlette
    from starlette.routing import Mount

    write("page.html", "{% url 'home' %} {{ static('a') }} {{ url_for('home') }}")

    @app.route("/home", name="home")
    def home():
        return render_template("page.html")

    outer = Starlette(routes=[Mount("/shop", app)])
    assert browser(outer).get("/shop/home").text == "/shop/home /shop/static/a /shop/home"  # type: ignore[arg-type]


def test_an_unknown_tag_library_is_explained(page):
    answer = page("{% load humanize %}")
    assert answer.status_code == 500
    assert "no such tag library" in answer.text


def test_messages_show_once(app, write):
    write("page.html", "{% for text in get_flashed_messages() %}{{ text }};{% endfor %}")

    @app.route("/", methods=["GET", "POST"])
    def view():
        flash("<saved>")
        return render_template("page.html")

    client = browser(app, headers=OWN_PAGE)
    assert client.get("/").text == "&lt;saved&gt;;"


def test_the_user_is_false_where_nobody_is_logged_in(page):
    source = "{% if user %}in{% else %}out{% endif %} {{ user.is_authenticated }}"
    assert page(source).text == "out False"


def test_a_name_nobody_gave_shows_as_nothing_and_is_reported_with_its_line(page, caplog):
    assert page("one\n[{{ naem }}]\n{% if other %}x{% endif %}").text == "one\n[]\n"
    assert [record.getMessage() for record in caplog.records] == [
        "page.html:2: 'naem' is undefined. Pass it to render(), or write {{ naem or '' }} if it "
        "may be missing."
    ]


def test_a_missing_template_names_where_it_was_looked_for_and_what_is_near(app, write, tmp_path):
    write("users.html", "")
    with using(app), pytest.raises(TemplateMissing) as raised:
        render_template("user.html")
    assert str(tmp_path / "templates") in str(raised.value)
    assert "Did you mean 'users.html'?" in str(raised.value)


def test_a_template_in_another_folder_is_found_by_its_last_name(app, write):
    write("shop/cart.html", "")
    with using(app), pytest.raises(TemplateMissing, match="shop/cart"):
        render_template("cart.html")


def test_a_template_missing_inside_another_names_both(app, write):
    write("page.html", "{% extends 'bsae.html' %}")
    write("base.html", "")
    with using(app), pytest.raises(TemplateMissing) as raised:
        render_template("page.html")
    assert "'bsae.html', which page.html asks for" in str(raised.value)
    assert "'base.html'" in str(raised.value)


def test_a_name_without_a_route_is_raised_where_the_template_is(app, write):
    write("page.html", "{% url 'nowhere' %}")
    with using(app), pytest.raises(NoReverseMatch, match="nowhere"):
        render_template("page.html")


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("{% for a in b %}{% empty %}{% endfor %}", "{% else %}"),
        ("{{ a|default:'x' }}", "takes its values in brackets"),
        ("{% if a %}", "endif"),
    ],
)
def test_a_mistake_in_a_template_is_shown_with_its_place(page, source, hint):
    answer = page(source)
    assert answer.status_code == 500
    assert "CC006" in answer.text
    assert hint in answer.text
    assert "page.html:1" in answer.text


def test_an_error_in_a_template_is_shown_at_the_templates_line(page):
    answer = page("one\n{{ missing.deeper }}")
    assert "CC007" in answer.text
    assert "page.html:2" in answer.text


def test_a_changed_template_is_read_anew_in_debug(app, write, page):
    assert page("one").text == "one"
    write("page.html", "another")
    assert browser(app).get("/").text == "another"
