"""Users: made, recognised, let in, turned away, shut out."""

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.web import (
    AnonymousUser,
    App,
    User,
    auth,
    authenticate,
    db,
    login,
    login_required,
    logout,
    path,
    redirect,
    request,
    select,
    session,
)
from coatcheck.web.auth import (
    UserExists,
    authenticate_async,
    create_user,
    create_user_async,
    staff_required,
)
from coatcheck.web.migrations import migrate
from tests.web.sites import KEY, OWN_PAGE, browser, calls_of, site

PASSWORD = "correct horse"


@pytest.fixture
def app(tmp_path):
    settings = {
        "DEBUG": True,
        "SECRET_KEY": KEY,
        "SESSION_STORE": "memory://",
        "BASE_DIR": tmp_path,
        "INSTALLED_APPS": ["coatcheck.web.auth"],
    }
    app = App("x", settings=settings)
    migrate(app.settings, echo=lambda message, *, nl=True: None)

    @app.route("/login", methods=["GET", "POST"])
    def log_in():
        if request.method == "GET":
            return "who are you?"
        user = authenticate(request.form["name"], request.form["password"])
        if user is None:
            return "no", 422
        login(request, user)
        return f"hello {request.user}"

    @app.route("/logout", methods=["POST"])
    def log_out():
        logout(request)
        return f"bye {request.user.is_authenticated}"

    @app.route("/me")
    @login_required(login_url="/login")
    def me():
        return request.user.username

    @app.route("/async")
    @login_required(login_url="log_in")
    async def me_async():
        return request.user.username

    @app.route("/staff")
    @staff_required
    def staff():
        return "staff"

    @app.route("/note", methods=["POST"])
    @login_required(login_url="/login")
    def note():
        return "noted"

    return app


@pytest.fixture
def al(app):
    with app.database.scope():
        return create_user("al", PASSWORD, "Al@Example.com")


def logged_in(app, name="al"):
    client = browser(app, headers=OWN_PAGE)
    answer = client.post("/login", data={"name": name, "password": PASSWORD})
    assert answer.status_code == 200
    return client


def test_a_user_comes_in_by_name_or_address_and_goes_out(app, al):
    client = logged_in(app)
    assert client.get("/me").text == client.get("/async").text == "al"
    assert client.post("/logout").text == "bye False"
    assert client.get("/me").status_code == 302
    assert logged_in(app, "al@example.COM").get("/me").text == "al"


@pytest.mark.parametrize(
    ("name", "password"), [("al", "wrong"), ("bo", PASSWORD), ("", ""), ("al", "x" * 10_000)]
)
def test_a_wrong_pair_lets_nobody_in(app, al, name, password):
    client = browser(app, headers=OWN_PAGE)
    answer = client.post("/login", data={"name": name, "password": password})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


def test_only_a_hash_of_the_password_is_kept(app, al):
    with app.database.scope():
        kept = db.scalars(select(User.password)).one()
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept


def test_a_login_makes_the_older_cookie_useless(app, al):
    client = browser(app, headers=OWN_PAGE)
    app.route("/set")(lambda: str(session.setdefault("cart", ["hat"])))
    client.get("/set")
    before = client.cookies["session"]
    client.post("/login", data={"name": "al", "password": PASSWORD})
    assert client.cookies["session"] != before
    thief = browser(app)
    thief.cookies.set("session", before)
    assert thief.get("/me").status_code == 302


@pytest.mark.parametrize("address", ["/me", "/async"])
def test_a_visitor_who_is_not_logged_in_is_sent_to_log_in_and_back(app, address):
    answer = browser(app).get(f"{address}?page=2")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/login?next=%2F{address[1:]}%3Fpage%3D2"


def test_a_form_of_a_visitor_who_is_not_logged_in_is_sent_to_log_in(app):
    answer = browser(app, headers=OWN_PAGE).post("/note")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_login_url_of_the_settings_is_the_rule(app):
    assert browser(app).get("/staff").headers["location"].startswith("/login/?next=")


def test_a_user_who_is_not_staff_may_not_open_what_is_for_staff(app, al):
    answer = logged_in(app).get("/staff")
    assert answer.status_code == 403
    assert "it is for staff" in answer.text


@pytest.mark.parametrize("change", ["switched off", "deleted"])
def test_a_user_who_is_no_more_is_out_at_the_next_request(app, al, change):
    client = logged_in(app)
    with app.database.scope():
        user = db.get_one(User, al.id)
        if change == "deleted":
            db.delete(user)
        else:
            user.is_active = False
    assert client.get("/me").status_code == 302
    answer = browser(app, headers=OWN_PAGE).post(
        "/login", data={"name": "al", "password": PASSWORD}
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("name", "email", "field"),
    [
        ("al", None, "username"),
        ("\uff41\uff4c", None, "username"),
        ("bo", "AL@example.com", "email"),
    ],
)
def test_a_name_or_address_belongs_to_one_user(app, al, name, email, field):
    with app.database.scope(), pytest.raises(UserExists) as raised:
        create_user(name, PASSWORD, email)
    assert raised.value.field == field


def test_users_without_an_address_do_not_collide(app):
    with app.database.scope():
        create_user("al", PASSWORD)
        create_user("bo", PASSWORD, "")
        assert len(db.scalars(select(User)).all()) == 2


def test_async_views_hash_in_a_thread(app):
    @app.route("/register", methods=["POST"])
    async def register():
        user = await create_user_async("bo", PASSWORD)
        assert await authenticate_async("bo", PASSWORD) is user
        login(request, user)
        return redirect("/me")

    client = browser(app, headers=OWN_PAGE)
    assert client.post("/register").status_code == 303
    assert client.get("/me").text == "bo"


def test_an_anonymous_visitor_costs_no_database_call_and_no_store_call():
    app = site()  # without the users' table
    app.route("/")(lambda: f"[{request.user}] {bool(request.user)}")
    calls = calls_of(app)
    assert browser(app).get("/").text == "[] False"
    assert calls == []


def test_users_that_are_not_installed_are_explained():
    app = site()

    @app.route("/in", methods=["POST"])
    def come_in():
        session.login(7)
        return "in"

    app.route("/", name="me")(lambda: str(request.user))
    client = browser(app, headers=OWN_PAGE)
    client.post("/in")
    answer = client.get("/")
    assert answer.status_code == 500
    assert "coatcheck.web.auth" in answer.text
    assert "INSTALLED_APPS" in answer.text


def test_a_missing_table_of_users_says_migrate(tmp_path):
    app = App(
        "x",
        settings={
            "DEBUG": True,
            "SECRET_KEY": KEY,
            "SESSION_STORE": "memory://",
            "BASE_DIR": tmp_path,
            "INSTALLED_APPS": ["coatcheck.web.auth"],
        },
    )
    app.route("/")(lambda: str(authenticate("al", "x")))
    answer = browser(app).get("/")
    assert "CC050" in answer.text
    assert "auth_user" in answer.text
    assert "manage.py migrate" in answer.text


def test_the_migration_makes_the_table_that_the_model_declares(app):
    from sqlalchemy import inspect

    with app.database.engine.connect() as connection:
        made = {column["name"]: column for column in inspect(connection).get_columns("auth_user")}
        unique = {
            tuple(one["column_names"])
            for one in inspect(connection).get_unique_constraints("auth_user")
        }
    declared = {column.name: column for column in User.__table__.columns}
    assert made.keys() == declared.keys()
    for name, column in declared.items():
        assert made[name]["nullable"] == column.nullable, name
        assert str(made[name]["type"]) == str(column.type), name
    assert unique == {("username",), ("email",)}


def test_nobody_is_false_and_has_what_templates_ask_for():
    nobody = AnonymousUser()
    assert not nobody
    assert (nobody.is_authenticated, nobody.is_staff, nobody.id, str(nobody)) == (
        False,
        False,
        None,
        "",
    )


def test_login_required_keeps_a_views_name_and_marks():
    @login_required
    def view():
        """What it says."""

    assert (view.__name__, view.__doc__) == ("view", "What it says.")
    assert path("x/", view)


def test_an_app_that_is_not_installed_is_said_by_name():
    from coatcheck.web.auth.visitor import require_installed
    from coatcheck.web.context import using

    with using(site()), pytest.raises(ConfigurationError, match=r"coatcheck\.web\.auth"):
        require_installed()


class Refused(Exception):
    """What a driver raises for a name that is taken, in each database's own words."""

    def __init__(self, text, constraint=None):
        super().__init__(text)
        if constraint is not None:
            self.diag = type("Diagnosis", (), {"constraint_name": constraint})()


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (Refused("UNIQUE constraint failed: auth_user.username"), "username"),
        (Refused("UNIQUE constraint failed: auth_user.email"), "email"),
        (
            Refused(
                'duplicate key value violates unique constraint "uq_auth_user_username"\n'
                "DETAIL:  Key (username)=(my email) already exists.",
                "uq_auth_user_username",
            ),
            "username",
        ),
        (Refused("Key (email)=(username) already exists.", "uq_auth_user_email"), "email"),
        (Refused("Duplicate entry 'my email' for key 'uq_auth_user_username'"), "username"),
        (
            Refused("(1062, \"Duplicate entry 'x' for key 'auth_user.uq_auth_user_email'\")"),
            "email",
        ),
    ],
    ids=["sqlite name", "sqlite email", "pg name", "pg email", "mariadb name", "mysql email"],
)
def test_what_is_taken_is_told_by_the_constraint_and_not_by_what_was_typed(error, field):
    from sqlalchemy.exc import IntegrityError

    from coatcheck.web.auth.accounts import _field_of

    assert _field_of(IntegrityError("INSERT", {}, error)) == field


def test_who_registers_with_an_address_alone_is_told_of_the_address(app):
    with app.database.scope():
        assert auth.create("New@Example.com", PASSWORD).username == "new@example.com"
        with pytest.raises(UserExists) as taken:
            auth.create("new@example.COM", PASSWORD)
    assert taken.value.field == "email"


def test_a_wrong_pair_is_an_error_of_the_form_and_says_not_what_is_wrong(app, al):
    with app.database.scope():
        assert auth.check("al@example.com", PASSWORD).id == al.id
        for name, password in (("al", "wrong"), ("nobody", PASSWORD)):
            with pytest.raises(auth.WrongCredentials) as wrong:
                auth.check(name, password)
            assert wrong.value.field is None
            assert str(wrong.value) == "No account has this name or address with this password."
