"""``once(atomic=True)``: the application's data and the answer in one transaction, or neither."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms.csrf import new_binding
from coatcheck.forms.tickets import Binding, mint
from coatcheck.web import App, once
from coatcheck.wire.signing import Keyring
from tests.web.sites import KEY

SITE = """
import os, signal
from sqlalchemy import event
from sqlalchemy.orm import Session
from coatcheck.web import App, redirect, request
from coatcheck.web.database import Mapped, Model, db, func, select
from coatcheck.web.migrations import ensure_own
from coatcheck.web import once

app = App(__name__, settings={settings!r})


class Order(Model):
    fruit: Mapped[str]


def place():
    db.add(Order(fruit=request.POST["fruit"]))
    if request.POST.get("fail"):
        db.flush()
        raise RuntimeError("a mistake in the view")
    return redirect(f"/orders/{{db.scalar(select(func.count()).select_from(Order))}}")


@app.post("/atomic")
@once(atomic=True)
def atomic():
    return place()


@app.post("/atomic-async")
@once(atomic=True)
async def atomic_async():
    return place()


@app.post("/two-commits")
def two_commits():
    return place()


@app.post("/login")
@once(atomic=True)
def log_in():
    request.session.login("7")
    return place()


@app.route("/me")
def me():
    return f"{{request.session.user}} {{db.scalar(select(func.count()).select_from(Order))}}"


ensure_own(app.settings, lambda message, *, nl=True: None)
Model.metadata.create_all(app.database.engine)
"""


def settings(folder: Path) -> dict[str, object]:
    return {"DEBUG": True, "SECRET_KEY": KEY, "BASE_DIR": str(folder)}


class Browser:
    """A browser whose requests can be sent by another process too."""

    def __init__(self) -> None:
        self.cookie = new_binding()
        self.ticket = self.new_ticket()
        self.cookies = {"coatcheck_csrf": self.cookie}

    def new_ticket(self) -> str:
        return mint(Keyring([KEY]), Binding.of_browser(self.cookie), time.time())

    def fields(self, **more: str) -> dict[str, str]:
        return {"csrfmiddlewaretoken": self.ticket, "fruit": "apple", **more}


class Sender:
    """Sends one form to the site in *folder*, each time from a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._settings = settings(folder)
        self._browser = Browser()

    def __call__(self, path: str, **more: str) -> list[str]:
        fields = self._browser.fields(**more)
        run = self._run(
            f"""
from starlette.testclient import TestClient
client = TestClient(app, follow_redirects=False, headers={{"Sec-Fetch-Site": "same-origin"}},
                    raise_server_exceptions=False)
client.cookies.update({self._browser.cookies!r})
answer = client.post({path!r}, data={fields!r})
print(answer.status_code, answer.headers.get("location"))
print(client.get("/me").text)
""",
        )
        assert run.returncode == 0, run.stderr
        return run.stdout.split()

    def killed(self, path: str) -> None:
        """Send it, and kill the process right after its database has committed."""
        run = self._run(
            f"""
from starlette.testclient import TestClient

@event.listens_for(Session, "after_commit")
def die(session):
    os.kill(os.getpid(), signal.SIGKILL)

client = TestClient(app, follow_redirects=False, headers={{"Sec-Fetch-Site": "same-origin"}})
client.cookies.update({self._browser.cookies!r})
client.post({path!r}, data={self._browser.fields()!r})
"""
        )
        assert run.returncode == -signal.SIGKILL, run.stderr

    def _run(self, program: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", SITE.format(settings=self._settings) + program]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def sent(tmp_path):
    return Sender(tmp_path)


@pytest.mark.parametrize("path", ["/atomic", "/atomic-async"])
def test_killed_right_after_its_commit_it_is_not_run_again(sent, path):
    sent.killed(path)
    assert sent(path) == ["303", "/orders/1", "None", "1"]


def test_what_fails_leaves_neither_data_nor_answer(sent):
    assert sent("/atomic", fail="yes") == ["500", "None", "None", "0"]
    assert sent("/atomic") == ["303", "/orders/1", "None", "1"]
    assert sent("/atomic") == ["303", "/orders/1", "None", "1"]


def test_the_cookie_of_a_login_is_given_again_too(sent):
    assert sent("/login") == ["303", "/orders/1", "7", "1"]
    assert sent("/login") == ["303", "/orders/1", "7", "1"]


@pytest.mark.parametrize(
    "store", ["memory://", "sqlite:///elsewhere.sqlite3", "file:///nowhere", "postgresql://x/y"]
)
def test_another_store_than_the_database_is_refused_at_start(tmp_path, store):
    app = App("shop", settings={**settings(tmp_path), "SESSION_STORE": store})
    app.post("/order")(once(atomic=True)(lambda: "x"))
    with pytest.raises(ConfigurationError, match="one transaction cannot hold both"):
        app._stack  # noqa: B018
