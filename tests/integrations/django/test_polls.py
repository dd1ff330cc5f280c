"""The project of Django's tutorial moves in by two lines, with somebody logged in all the time."""

import difflib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.services.valkey import free_port, until

ROOT = Path(__file__).parents[3]
APP = '    "coatcheck.integrations.django",\n'
ENGINE = 'SESSION_ENGINE = "coatcheck.integrations.django.engine"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "polls"
    ignored = shutil.ignore_patterns("*.sqlite3", "__pycache__")
    shutil.copytree(ROOT / "examples" / "django_polls", folder, ignore=ignored)
    manage(folder, "migrate")
    question = """
from django.contrib.auth.models import User
from django.utils import timezone
from polls.models import Question
User.objects.create_superuser("ann", password="secret")
question = Question.objects.create(question_text="What's new?", pub_date=timezone.now())
question.choice_set.create(choice_text="The sky")
"""
    manage(folder, "shell", "-c", question)
    return folder


def manage(project: Path, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", "manage.py", *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(project: Path) -> Iterator[str]:
    port = free_port()
    gunicorn = [str(Path(sys.executable).with_name("gunicorn")), "mysite.wsgi", "--threads", "4"]
    with subprocess.Popen(
        [*gunicorn, "-b", f"127.0.0.1:{port}"],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        url = f"http://127.0.0.1:{port}"
        try:
            until(lambda: answers(url))
            yield url
        finally:
            server.terminate()
            server.wait(timeout=20)


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/polls/", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def token_in(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found, page
    return found[1]


def post(browser: httpx2.Client, form: str, to: str, **values: str) -> httpx2.Response:
    data = {"csrfmiddlewaretoken": token_in(browser.get(form).text), **values}
    answer = browser.post(to, data=data, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer


def move_in(project: Path) -> int:
    """Change the settings as the how-to says; how many lines of the project that took."""
    settings = project / "mysite" / "settings.py"
    before = settings.read_text()
    apps = '    "django.contrib.sessions",\n'
    after = before.replace(apps, apps + APP) + ENGINE
    settings.write_text(after)
    changed = difflib.ndiff(before.splitlines(), after.splitlines())
    return sum(line.startswith(("+ ", "- ")) for line in changed)


@pytest.fixture
def browser() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30) as client:
        yield client


def test_two_lines_and_nobody_is_logged_out(project: Path, browser: httpx2.Client) -> None:
    with serving(project) as url:
        login = f"{url}/accounts/login/"
        entered = post(browser, login, login, username="ann", password="secret").text
        assert "Logged in as ann" in entered
        browser.get(f"{url}/polls/")
        old = browser.cookies["sessionid"]
        assert len(old) == 32

    assert move_in(project) <= 2
    assert "Applying coatcheck.0001_initial... OK" in manage(project, "migrate")
    assert "no issues" in manage(project, "check")
    assert "No changes detected" in manage(project, "makemigrations", "--check", "--dry-run")

    with serving(project) as url:
        page = browser.get(f"{url}/polls/").text
        assert "Logged in as ann, 3 visits" in page
        new = browser.cookies["sessionid"]
        assert new != old
        assert "." in new
        voted = post(browser, f"{url}/polls/1/", f"{url}/polls/1/vote/", choice="1").text
        assert "Thank you for your vote." in voted
        assert "The sky: 1 vote" in voted
        again = post(browser, f"{url}/polls/1/", f"{url}/polls/1/vote/", choice="1").text
        assert "You have voted on this before." in again
        assert "What&#x27;s new?" in browser.get(f"{url}/admin/polls/question/").text
        out = post(browser, f"{url}/polls/", f"{url}/accounts/logout/").text
        assert "Logged in" not in out
        browser.cookies.set("sessionid", new, domain="127.0.0.1")
        assert "Logged in" not in browser.get(f"{url}/polls/").text
    manage(project, "clearsessions")
