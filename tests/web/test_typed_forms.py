"""Forms as classes in the standalone stack: shown, judged, shown again, and the way back."""

import re

import pytest

from coatcheck.forms import Email, FieldError, Form, NewPassword, Password, field
from coatcheck.testing import FakeClock
from coatcheck.web import (
    auth,
    form_of,
    form_page,
    honeypot,
    login,
    login_required,
    path,
    redirect,
    render_template,
    request,
    show_form,
)
from coatcheck.web.migrations import migrate
from tests.unit.forms.typed.page import Page
from tests.web.sites import OWN_PAGE, browser, calls_of, site

GOOD = {"email": "al@example.com", "password": "correct horse", "confirm": "correct horse"}


class Register(Form):
    email: Email = field(help="We never share it.")
    password: NewPassword = field(min=8)
    confirm: Password = field(same_as="password")


@pytest.fixture
def seen():
    return []


@pytest.fixture
def visitor(seen):
    app = site()

    @app.form("/register", Register)
    def register(form):
        seen.append(form)
        if form.email.startswith("taken"):
            raise FieldError("email", "This address is taken.")
        if form.email.startswith("back"):
            form.add_error("email", "Think again.")
            return form.back()
        return redirect("/done")

    return browser(app, headers=OWN_PAGE)


def test_a_get_shows_the_form_and_the_view_is_not_called(visitor, seen):
    answer = visitor.get("/register")
    assert answer.status_code == 200
    assert 'name="email"' in answer.text
    assert 'name="csrfmiddlewaretoken"' in answer.text
    assert "There is a problem" not in answer.text
    assert seen == []


def test_a_form_with_errors_comes_back_in_place_with_all_of_them(visitor, seen):
    answer = visitor.post("/register", data={"email": "al", "password": "short"})
    assert answer.status_code == 422
    assert 'value="al"' in answer.text
    assert "has an @ in it" in answer.text
    assert "at least 8 characters" in answer.text
    assert "Fill in this field." in answer.text
    assert "short" not in answer.text
    assert seen == []


def test_a_form_without_errors_reaches_the_view_as_typed_data(visitor, seen):
    answer = visitor.post("/register", data=GOOD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/done")
    assert seen[0].email == "al@example.com"
    assert "correct horse" not in repr(seen[0])


def test_what_the_view_finds_out_stands_beside_its_field(visitor):
    answer = visitor.post("/register", data=GOOD | {"email": "taken@example.com"})
    assert answer.status_code == 422
    assert 'id="register-email-error">This address is taken.' in answer.text


def test_the_way_back_shows_old_input_and_errors_once(visitor):
    answer = visitor.post("/register", data=GOOD | {"email": "back@example.com"})
    assert answer.status_code == 303
    address = answer.headers["location"]
    page = visitor.get(address).text
    assert "Think again." in page
    assert 'value="back@example.com"' in page
    assert "correct horse" not in page
    assert "Think again." not in visitor.get(address).text


def test_two_tabs_never_see_each_others_way_back(visitor):
    ways = [
        visitor.post("/register", data=GOOD | {"email": f"back{tab}@example.com"}).headers[
            "location"
        ]
        for tab in (1, 2)
    ]
    second, first = visitor.get(ways[1]).text, visitor.get(ways[0]).text
    assert "back1@example.com" in first
    assert "back2@example.com" not in first
    assert "back2@example.com" in second
    assert "Think again." not in visitor.get("/register").text


def test_a_form_that_went_back_may_be_sent_again_as_it_was_mended(visitor):
    sent = dict(Page(visitor.get("/register").text).sends())
    answer = visitor.post("/register", data=sent | GOOD | {"email": "back@example.com"})
    assert "_f=" in answer.headers["location"]
    assert visitor.post("/register", data=sent | GOOD).headers["location"] == "/done"


def test_another_visitors_way_back_shows_nothing(visitor):
    way = visitor.post("/register", data=GOOD | {"email": "back@example.com"}).headers["location"]
    stranger = browser(visitor.app, headers=OWN_PAGE)
    page = stranger.get(way).text
    assert "back@example.com" not in page
    assert "Think again." not in page
    assert "Think again." in visitor.get(way).text


def test_a_way_back_that_nobody_made_shows_a_blank_form(visitor):
    for id in ("", "x", "_flashes", "A" * 16, "..%2f..%2fx"):
        assert visitor.get(f"/register?_f={id}").status_code == 200


def test_looking_at_a_form_asks_no_store_and_sets_no_session():
    app = site()
    app.form("/register", Register)(lambda form: "x")
    calls = calls_of(app)
    answer = browser(app).get("/register")
    assert calls == []
    assert "session=" not in answer.headers.get("set-cookie", "")


def test_a_form_that_comes_back_in_place_asks_for_no_session_either(visitor):
    answer = visitor.post("/register", data={"email": "al"})
    assert "session=" not in answer.headers.get("set-cookie", "")


def test_pages_with_forms_are_private_and_may_be_gone_back_to(visitor):
    for answer in (visitor.get("/register"), visitor.post("/register", data={})):
        assert answer.headers["cache-control"] == "private, no-cache"


def test_a_page_with_a_form_has_no_script_and_no_style_of_its_own(visitor):
    page = visitor.post("/register", data={"email": "<script>"}).text
    assert "<script" not in page
    assert "<style" not in page
    assert " style=" not in page
    assert " on" not in page.replace(" on ", "")


def test_the_style_sheet_is_served(visitor):
    answer = visitor.get("/static/coatcheck/forms.css")
    assert answer.status_code == 200
    assert ".form-problems" in answer.text


# Parts of pages, for scripts that put them in


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "register.html").write_text(
        "<h1>Join us</h1>{% block form %}<form method=post>{% csrf_token %}{{ form }}"
        "<button>Join</button></form>{% endblock %}<footer>{{ place }}</footer>"
    )
    app = site(BASE_DIR=tmp_path, TEMPLATES=[str(folder)])

    @app.form("/<place>/register", Register)
    def register(form, place):
        return f"welcome to {place}"

    return browser(app, headers=OWN_PAGE)


def test_a_site_shows_the_form_in_its_own_template(project):
    page = project.get("/here/register").text
    assert page.startswith("<h1>Join us</h1>")
    assert "<footer>here</footer>" in page
    assert project.post("/here/register", data=GOOD).text == "welcome to here"


def test_htmx_gets_the_form_alone_and_a_whole_page_where_it_replaces_the_page(project):
    part = {"HX-Request": "true", "HX-Target": "main"}
    answer = project.post("/here/register", data={}, headers=part)
    assert answer.status_code == 422
    assert answer.text.startswith("<form method=post>")
    assert "Join us" not in answer.text
    whole = project.post("/here/register", data={}, headers=part | {"HX-Boosted": "true"})
    assert "Join us" in whole.text


def test_turbo_gets_the_form_in_the_frame_it_asks_for(project):
    answer = project.post("/here/register", data={}, headers={"Turbo-Frame": 'x"><script>'})
    assert answer.text.startswith('<turbo-frame id="x&#34;&gt;&lt;script&gt;">')
    assert answer.text.rstrip().endswith("</turbo-frame>")
    assert "<script" not in answer.text


def test_caches_keep_parts_and_pages_apart(project):
    vary = project.get("/here/register").headers["vary"]
    for header in ("HX-Request", "Turbo-Frame", "Accept-Language"):
        assert header in vary


def test_a_template_that_was_named_and_is_missing_is_told():
    app = site()
    app.form("/register", Register, template="regster.html")(lambda form: "x")
    answer = browser(app).get("/register")
    assert answer.status_code == 500
    assert "No template &#39;regster.html&#39;" in answer.text
    assert "forms/typed/templates" not in answer.text  # the site's folders, not ours


def test_a_site_replaces_one_macro_by_a_template_of_the_same_name(tmp_path):
    folder = tmp_path / "templates" / "coatcheck" / "forms"
    folder.mkdir(parents=True)
    (folder / "summary.html").write_text("{% macro summary(form) %}<hr>{% endmacro %}")
    app = site(BASE_DIR=tmp_path, TEMPLATES=[str(tmp_path / "templates")])
    app.form("/register", Register)(lambda form: "x")
    page = browser(app, headers=OWN_PAGE).post("/register", data={}).text
    assert "<hr>" in page
    assert "There is a problem" not in page


# Languages


def test_a_form_speaks_the_language_that_the_browser_asks_for(visitor):
    answer = visitor.post("/register", data={}, headers={"Accept-Language": "de-AT, en;q=0.1"})
    assert "Füllen Sie dieses Feld aus." in answer.text
    assert "Es gibt ein Problem" in answer.text
    assert 'lang="de"' in answer.text


def test_a_site_in_one_language_speaks_that():
    app = site(LANGUAGES=["nl"])
    app.form("/register", Register)(lambda form: "x")
    answer = browser(app, headers=OWN_PAGE | {"Accept-Language": "de"}).post("/register", data={})
    assert "Vul dit veld in." in answer.text


# Views of every style


def test_a_view_in_path_style_gets_the_request_first():
    @form_page(Register, initial=lambda request, id: {"email": f"{id}@example.com"})
    def register(request, form, id):
        return f"{request.method} {form.email} {id}"

    visitor = browser(site([path("users/<int:id>/", register)]), headers=OWN_PAGE)
    assert 'value="7@example.com"' in visitor.get("/users/7/").text
    assert visitor.post("/users/7/", data=GOOD).text == "POST al@example.com 7"
    assert visitor.post("/users/7/", data={}).status_code == 422


def test_an_async_view_is_awaited():
    app = site()

    @app.form("/register", Register)
    async def register(form):
        if form.email.startswith("taken"):
            raise FieldError("email", "This address is taken.")
        return form.email

    visitor = browser(app, headers=OWN_PAGE)
    assert visitor.get("/register").status_code == 200
    assert visitor.post("/register", data=GOOD).text == "al@example.com"
    answer = visitor.post("/register", data=GOOD | {"email": "taken@example.com"})
    assert (answer.status_code, "This address is taken." in answer.text) == (422, True)


def test_a_view_that_adds_errors_and_returns_the_form_shows_it_again():
    app = site()

    @app.form("/register", Register)
    def register(form):
        form.add_error(None, "Not today.")
        return form

    answer = browser(app, headers=OWN_PAGE).post("/register", data=GOOD)
    assert (answer.status_code, "Not today." in answer.text) == (422, True)


def test_a_view_that_returns_nothing_is_told_as_everywhere():
    app = site()
    app.form("/register", Register)(lambda form: None)
    answer = browser(app, headers=OWN_PAGE).post("/register", data=GOOD)
    assert (answer.status_code, "returned None" in answer.text) == (500, True)


def test_a_view_by_hand_asks_for_the_form_and_shows_it():
    app = site()

    @app.route("/register", methods=["GET", "POST"])
    def register():
        form = form_of(Register)
        if form.valid:
            return form.data.email
        return show_form(form, "coatcheck/forms/page.html", form_title="By hand", form_locale="en")

    visitor = browser(app, headers=OWN_PAGE)
    assert visitor.get("/register").status_code == 200
    assert visitor.post("/register", data={}).status_code == 422
    assert visitor.post("/register", data=GOOD).text == "al@example.com"


def test_data_that_is_asked_for_unseen_is_a_422_and_no_crash():
    app = site()
    app.post("/register")(lambda: form_of(Register).data.email)
    answer = browser(app, headers=OWN_PAGE).post("/register", data={"email": "al"})
    assert answer.status_code == 422
    assert "Ask form.valid first" in answer.text


def test_a_guarded_form_is_not_even_shown_to_who_may_not_send_it():
    app = site()

    @app.form("/register", Register)
    @login_required(login_url="/login")
    def register(form):
        return "x"

    visitor = browser(app, headers=OWN_PAGE)
    assert visitor.get("/register").headers["location"] == "/login?next=%2Fregister"
    assert visitor.post("/register", data=GOOD).headers["location"] == "/login"
    assert visitor.post("/register", data={}).headers["location"] == "/login"


def test_the_traps_of_a_site_are_signed_with_its_key_by_its_clock():
    class Contact(Form):
        honeypot = 5
        message: str

    app = site()
    clock = FakeClock()
    app.sessions.lifecycle.clock = clock
    app.form("/contact", Contact)(lambda form: "heard")
    visitor = browser(app, headers=OWN_PAGE)
    found = re.search(r'name="form_shown" value="([^"]+)"', visitor.get("/contact").text)
    assert found
    sent = {"message": "hello", "homepage": "", "form_shown": found[1]}
    early = visitor.post("/contact", data=sent)
    assert (early.status_code, "That was very fast." in early.text) == (422, True)
    clock.advance(6)
    assert visitor.post("/contact", data=sent).text == "heard"
    assert visitor.post("/contact", data=sent | {"homepage": "x"}).status_code == 422


@pytest.mark.parametrize("style", ["sync", "async"])
def test_a_form_written_by_hand_has_its_trap_too(style, tmp_path):
    (tmp_path / "contact.html").write_text("<form method=post>{% honeypot %}</form>")
    app = site(TEMPLATES=[str(tmp_path)])
    clock = FakeClock()
    app.sessions.lifecycle.clock = clock
    app.route("/contact")(lambda: render_template("contact.html"))

    async def heard_later():
        return "heard"

    def heard():
        return "heard"

    view = heard_later if style == "async" else heard
    app.post("/contact")(honeypot(least=5)(view))
    visitor = browser(app, headers=OWN_PAGE)
    page = Page(visitor.get("/contact").text)
    assert page.one("input", name="homepage")["tabindex"] == "-1"
    sent = {"homepage": "", "form_shown": page.one("input", name="form_shown")["value"]}
    assert "That was very fast." in visitor.post("/contact", data=sent).text
    clock.advance(6)
    assert visitor.post("/contact", data=sent).text == "heard"
    assert visitor.post("/contact", data=sent | {"homepage": "x"}).status_code == 422
    assert visitor.post("/contact", data={}).status_code == 422


# Users


@pytest.fixture
def members(tmp_path):
    app = site(BASE_DIR=tmp_path, INSTALLED_APPS=["coatcheck.web.auth"])
    migrate(app.settings, echo=lambda message, *, nl=True: None)

    class Login(Form):
        email: Email
        password: Password

    @app.form("/register", Register)
    def register(form):
        auth.create(form.email, form.password)
        return redirect("/login")

    @app.form("/login", Login)
    def log_in(form):
        login(request, auth.check(form.email, form.password))
        return redirect("/me")

    @app.form("/twice", Register)
    def twice(form):
        auth.create("first-" + form.email, form.password)
        raise FieldError("email", "Once is enough.")

    @app.route("/me")
    @login_required(login_url="/login")
    def me():
        return request.user.email

    return browser(app, headers=OWN_PAGE)


def test_registering_logging_in_and_a_taken_address(members):
    assert members.post("/register", data=GOOD).headers["location"] == "/login"
    again = members.post("/register", data=GOOD | {"email": "AL@example.com"})
    assert again.status_code == 422
    assert "taken by another user" in Page(again.text).text("register-email-error")
    wrong = members.post("/login", data=GOOD | {"password": "wrong horse"})
    assert wrong.status_code == 422
    assert "No account has this name or address with this password." in wrong.text
    assert "wrong horse" not in wrong.text
    assert members.post("/login", data=GOOD).headers["location"] == "/me"
    assert members.get("/me").text == "al@example.com"


def test_a_wrong_pair_is_told_in_the_visitors_language(members):
    headers = {"Accept-Language": "de"}
    answer = members.post("/login", data=GOOD, headers=headers)
    assert "Kein Konto hat diesen Namen" in answer.text


def test_what_a_view_did_before_it_raised_is_undone(members):
    assert members.post("/twice", data=GOOD).status_code == 422
    first = GOOD | {"email": "first-al@example.com"}
    assert members.post("/register", data=first).headers["location"] == "/login"
