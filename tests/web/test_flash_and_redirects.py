"""After a form: the next page, with its message, and nowhere else."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from starlette.responses import RedirectResponse

from coatcheck.web import (
    HttpResponseRedirect,
    flash,
    get_flashed_messages,
    redirect,
    request,
    safe_next,
    session,
)
from tests.threats.test_redirect import LEAVES_THE_SITE
from tests.web.sites import OWN_PAGE, browser, site


@pytest.mark.parametrize("isolation", ["serializable", "merge"])
def test_messages_of_parallel_forms_are_all_shown_once_each_with_its_category(isolation, tmp_path):
    app = site(SESSION_ISOLATION=isolation)
    together = Barrier(6) if isolation == "merge" else None

    @app.route("/save/<number>", methods=["POST"])
    def save(number):
        if together:
            together.wait(20)
        flash(f"saved {number}", "success" if int(number) % 2 else "error")
        return redirect("/")

    @app.route("/")
    def messages():
        return [list(pair) for pair in get_flashed_messages(with_categories=True)]

    @app.route("/begin")
    def begin():
        session["begun"] = True
        return "x"

    first = browser(app)
    first.get("/begin")
    cookies = dict(first.cookies)

    def send(number):
        client = browser(app, headers=OWN_PAGE)
        client.cookies.update(cookies)
        return client.post(f"/save/{number}").status_code

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(send, range(6))) == [303] * 6
    shown = first.get("/").json()
    assert sorted(shown) == sorted(
        [f"{'success' if number % 2 else 'error'}", f"saved {number}"] for number in range(6)
    )
    assert first.get("/").json() == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "answer",
    [
        lambda: redirect("/next"),
        lambda: HttpResponseRedirect("/next"),
        lambda: RedirectResponse("/next"),
    ],
    ids=["redirect", "HttpResponseRedirect", "Starlette's"],
)
def test_every_redirect_after_a_form_is_a_303(method, answer):
    app = site()
    app.route("/", methods=["GET", method])(answer)
    client = browser(app, headers=OWN_PAGE)
    assert client.request(method, "/").status_code == 303
    assert client.get("/").status_code in (302, 307)


def test_starlettes_307_is_told_with_what_to_write(caplog):
    app = site()
    app.route("/", methods=["POST"])(lambda: RedirectResponse("/next"))
    browser(app, headers=OWN_PAGE).post("/")
    assert "makes browsers send the form again" in caplog.text
    assert "redirect(...)" in caplog.text


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda: redirect("/next", code=307), 307),
        (lambda: RedirectResponse("/next", status_code=308), 308),
        (lambda: RedirectResponse("/next", status_code=302), 302),
    ],
)
def test_a_status_that_was_asked_for_stays(answer, status):
    app = site()
    app.route("/", methods=["POST"])(answer)
    assert browser(app, headers=OWN_PAGE).post("/").status_code == status


def test_a_next_that_leaves_the_site_leads_home_through_the_whole_stack():
    app = site()

    @app.route("/login", methods=["POST"])
    def log_in():
        return redirect(safe_next(request.POST.get("next"), "/home"))

    client = browser(app, headers=OWN_PAGE)
    sendable = [
        target
        for target in LEAVES_THE_SITE
        # The others are refused before: a NUL, a lone surrogate, more than a field holds.
        if isinstance(target, str) and "\0" not in target and len(target) < 20_000
    ]
    assert len(sendable) > 60
    for target in sendable:
        answer = client.post("/login", data={"next": target})
        assert answer.status_code == 303, target
        assert answer.headers["location"] == "/home", target
    assert client.post("/login", data={"next": "/a?b=c#d"}).headers["location"] == "/a?b=c#d"
