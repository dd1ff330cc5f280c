"""Servers start, answer, start anew, and end without leaving anything behind."""

import os
import shlex
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import httpx2
import pytest

from coatcheck.web.devserver import AddressUnusable, free_port, listen, url_of
from coatcheck.web.scaffold import start_project
from tests.web.project import COATCHECK, PATIENCE, Folder

COUNTER = """
    from coatcheck.web import App, session

    app = App(__name__)

    @app.route("/")
    def visits():
        session["visit_count"] = session.get("visit_count", 0) + 1
        return f"You have visited this page {session['visit_count']} times."
"""
VIEWS = """
    import os
    from coatcheck.web import HttpResponse

    def visit_counter(request):
        count = request.session.get('visit_count', 0)
        count += 1
        request.session['visit_count'] = count
        return HttpResponse(f"You have visited this page {count} times.")

    def process(request):
        return HttpResponse(str(os.getpid()))
"""
URLS = """
    from coatcheck.web import admin, path
    from myapp import views

    urlpatterns = [
        path('admin/', admin.site.urls),
        path('count/', views.visit_counter),
        path('process/', views.process),
    ]
"""
RUN = [*COATCHECK, "run", "app.py", "--port", "0"]
RUNSERVER = [sys.executable, "manage.py", "runserver", "127.0.0.1:0"]


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path)
    made.write("app.py", COUNTER)
    return made


@pytest.fixture
def project(tmp_path):
    start_project("site_d", tmp_path)
    made = Folder(tmp_path)
    made.write("myapp/__init__.py", "")
    made.write("myapp/views.py", VIEWS)
    made.write("site_d/urls.py", URLS)
    return made


def count(client: httpx2.Client, url: str) -> str:
    return client.get(url, timeout=PATIENCE).text.removesuffix(" times.").rpartition(" ")[2]


def test_one_file_counts_visits_and_says_what_it_made(folder):
    with folder.serving(*RUN) as server, httpx2.Client() as browser:
        url = server.url()
        assert [count(browser, url) for _ in range(3)] == ["1", "2", "3"]
        assert server.stop() == 0
    assert server.is_alone()
    made, applied, served, *requests = server.lines
    assert made.startswith("Made a development key in .coatcheck/secret_key")
    assert applied == "Applying sessions.0001_initial... OK"
    assert served == f"app.py is served at {url} (CONTROL-C stops it)"
    assert [line.partition("] ")[2] for line in requests] == ['"GET / HTTP/1.1" 200 OK'] * 3


def test_sessions_survive_a_restart(folder):
    with httpx2.Client() as browser:
        with folder.serving(*RUN) as server:
            assert count(browser, server.url()) == "1"
        with folder.serving(*RUN) as server:
            assert count(browser, server.url()) == "2"
            server.stop()
    # The second start has nothing to make, and says nothing of it.
    assert [line for line in server.lines if "Applying" in line or "Made" in line] == []


def test_a_project_counts_with_two_workers_without_losing_a_visit(project):
    # A connection for each request: the system hands them out to both processes.
    limits = httpx2.Limits(max_keepalive_connections=0)
    with (
        project.serving(*RUNSERVER, "--workers", "2") as server,
        httpx2.Client(limits=limits, timeout=PATIENCE) as browser,
    ):
        url = server.url()
        assert count(browser, f"{url}count/") == "1"

        def visit(path: str) -> str:
            return browser.get(f"{url}{path}").text

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(visit, ["count/"] * 20))
            processes = set(threads.map(visit, ["process/"] * 20))
        assert count(browser, f"{url}count/") == "22"
        assert server.process.pid not in map(int, processes)
        assert server.stop(only_parent=True) == 0
    assert server.is_alone()


def test_runserver_says_what_people_know_and_starts_anew_after_a_change(project):
    with project.serving(*RUNSERVER) as server:
        url = server.url()
        assert "site_d" in str(project.path / "site_d")
        assert server.lines[:5] == [
            "Watching for file changes with StatReloader",
            "Performing system checks...",
            "",
            "System check identified no issues (0 silenced).",
            "Made a development key in .coatcheck/secret_key (git ignores it). A public site needs "
            "a SECRET_KEY of its own.",
        ] or server.lines[0].startswith("Made a development key")
        server.wait_for(r"^Quit the server with CONTROL-C\.$")
        assert "Applying sessions.0001_initial... OK" in server.lines
        assert f"Starting development server at {url}" in server.lines
        first = server.get(f"{url}process/").text

        project.write("myapp/views.py", VIEWS.replace("str(os.getpid())", "f'new {os.getpid()}'"))
        server.wait_for(r"StatReloader detected changes in 'myapp/views\.py'")
        server.wait_for(r"^Quit the server")
        again = server.get(f"{url}process/").text
        assert again.startswith("new ")
        assert again != f"new {first}"

        project.write("myapp/views.py", "def broken(:\n")
        server.wait_for(r"detected changes")
        server.wait_for(r"SyntaxError")
        project.write("myapp/views.py", VIEWS)
        server.wait_for(r"^Quit the server")
        assert server.get(f"{url}process/").status_code == 200
        assert server.stop() == 0
    assert server.is_alone()


def test_a_site_that_cannot_start_ends_the_reloading_server_too(project):
    project.write("myapp/views.py", "def broken(:\n")
    with project.serving(*RUNSERVER) as server:
        assert server.process.wait(PATIENCE) == 1
        server.stop()
    assert any("SyntaxError" in line for line in server.lines)
    assert not any("Traceback" in line for line in server.lines)
    assert server.is_alone()


def test_a_project_whose_migrations_wait_says_so(project):
    project.write("myapp/models.py", "from coatcheck.web import Mapped, Model\n")
    with (project.path / "site_d" / "settings.py").open("a") as settings:
        settings.write('INSTALLED_APPS = [*INSTALLED_APPS, "myapp"]\n')
    project.write(
        "myapp/migrations/0001_initial.py",
        'revision = "myapp.0001_initial"\n\ndef upgrade() -> None:\n    pass\n',
    )
    with project.serving(*RUNSERVER, "--noreload") as server:
        server.wait_for(r"^You have 1 unapplied migration\(s\)\..*for app\(s\): myapp\.$")
        server.wait_for(r"^Run 'python manage\.py migrate' to apply them\.$")
        assert server.get(f"{server.url()}count/").status_code == 200


def test_sessions_in_memory_are_not_served_from_several_processes(folder):
    folder.write(
        "app.py", COUNTER.replace("__name__)", "__name__, settings={'SESSION_STORE': 'memory://'})")
    )
    refused = folder.run(*RUN, "--workers", "2")
    assert refused.returncode == 1
    assert refused.stderr.strip().splitlines()[-1] == (
        "Error: SESSION_STORE is memory://, of which every process has its own. Name a database, "
        "or serve from one process."
    )


def test_a_worker_that_cannot_start_ends_all_of_them_instead_of_trying_for_ever(folder):
    folder.write(
        "app.py",
        dedent(COUNTER)
        + dedent("""
        import multiprocessing

        if multiprocessing.parent_process() is not None:
            raise LookupError("no such thing in a worker")
    """),
    )
    run = folder.run(*RUN, "--workers", "2")
    assert run.returncode == 1
    assert "LookupError: no such thing in a worker" in run.stderr
    assert "Traceback" not in run.stderr


def test_workers_end_with_their_terminal_and_leave_the_port_free(folder):
    with folder.serving(*RUN, "--workers", "2") as server:
        url = server.url()
        server.get(url)  # the workers run by now
        os.killpg(server.process.pid, signal.SIGHUP)
        assert server.process.wait(PATIENCE) == 0
    assert server.is_alone()
    port = httpx2.URL(url).port
    assert port is not None
    listen("127.0.0.1", port).close()


def test_workers_outlive_their_terminal_under_nohup(folder):
    command = shlex.join([*RUN, "--workers", "2"])
    with folder.serving("sh", "-c", f"trap '' HUP; exec {command}") as server:
        url = server.url()
        server.get(url)
        os.killpg(server.process.pid, signal.SIGHUP)
        assert server.get(url).status_code == 200
        assert server.stop() == 0
    assert server.is_alone()


# Addresses


def test_an_occupied_port_is_told_with_one_that_is_free(folder):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        refused = folder.coatcheck("run", "app.py", "--port", str(port))
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith(
        f"Error: port {port} is in use: another server is running there. Stop it, or use another: "
        f"--port {port + 1}"[:-2]
    )
    assert not (folder.path / ".coatcheck").exists()


def test_two_servers_cannot_have_one_port():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(AddressUnusable, match=f"port {port} is in use") as caught:
            listen("127.0.0.1", port)
        assert caught.value.port_in_use
        free = free_port("127.0.0.1", port)
        assert free is not None
        assert port < free <= port + 20


def test_a_port_is_free_again_as_soon_as_its_server_has_gone():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            first.accept()[0].close()
    listen("127.0.0.1", port).close()


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(AddressUnusable, match="no address of this machine"):
        listen("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8000/"), ("::1", "http://[::1]:8000/")],
)
def test_the_address_to_open_is_one_that_a_browser_takes(host, url):
    assert url_of(host, 8000) == url
