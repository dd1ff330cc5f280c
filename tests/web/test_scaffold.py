"""What is laid out works as it is, and nothing that stands is overwritten."""

import ast
from pathlib import Path

import pytest

from coatcheck.web.scaffold import AlreadyThere, UnusableName, start_app, start_project
from tests.web.project import Folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_project_has_what_it_needs_and_no_more(here):
    root = start_project("mysite")
    assert root == Path("mysite")
    assert files(here / "mysite") == {
        ".gitignore",
        "manage.py",
        "mysite",
        "mysite/__init__.py",
        "mysite/asgi.py",
        "mysite/settings.py",
        "mysite/urls.py",
        "static",
        "templates",
    }
    assert (root / "manage.py").stat().st_mode & 0o111


def test_a_project_can_be_laid_out_in_this_folder_and_keeps_its_gitignore(here):
    (here / ".gitignore").write_text("mine\n")
    assert start_project("mysite", Path()) == Path()
    assert (here / "manage.py").exists()
    assert (here / "mysite" / "settings.py").exists()
    assert (here / ".gitignore").read_text() == "mine\n"


def test_an_app_has_what_the_course_notes_write_into(here):
    start_app("myapp", Path())
    assert files(here / "myapp") == {
        "__init__.py",
        "migrations",
        "migrations/__init__.py",
        "models.py",
        "templates",
        "templates/myapp",
        "urls.py",
        "views.py",
    }


def test_every_file_is_python_that_says_what_it_is_for(here):
    start_project("mysite")
    start_app("myapp", here / "mysite")
    for file in (here / "mysite").rglob("*.py"):
        tree = ast.parse(file.read_text())
        assert file.name == "__init__.py" or ast.get_docstring(tree), file
        assert "$" not in file.read_text()


def test_what_the_course_notes_type_works(here):
    made = Folder(here)
    assert made.coatcheck("startproject", "mysite").stdout == (
        "Made the project mysite. Next: cd mysite && python manage.py runserver\n"
    )
    site = Folder(here / "mysite")
    assert site.coatcheck("startapp", "myapp").stdout == (
        "Made the app myapp. Next: add 'myapp' to INSTALLED_APPS in your settings.\n"
    )
    makemigrations = site.manage("makemigrations")
    assert (makemigrations.returncode, makemigrations.stdout) == (0, "No changes detected\n")
    migrate = site.manage("migrate")
    assert migrate.returncode == 0
    assert migrate.stdout.splitlines() == [
        "Operations to perform:",
        "  Apply all migrations: auth, sessions",
        "Running migrations:",
        "  Applying auth.0001_initial... OK",
        "  Applying sessions.0001_initial... OK",
    ]
    assert site.manage("migrate").stdout.splitlines()[-1] == "  No migrations to apply."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my-app", "'my_app'"),
        ("2shops", "'myapp'"),
        ("class", "'myapp'"),
        ("größe", "letters, digits and underscores"),
        ("json", "there already, and would hide it"),
        ("jinja2", "'myjinja2'"),
        ("coatcheck", "would hide it"),
    ],
)
def test_a_name_that_python_or_a_library_needs_is_refused(here, name, said):
    with pytest.raises(UnusableName) as caught:
        start_app(name, Path())
    assert said in str(caught.value)
    assert files(here) == set()


def test_nothing_is_laid_out_where_something_stands(here):
    (here / "mysite").mkdir()
    (here / "mysite" / "notes.txt").touch()
    with pytest.raises(AlreadyThere, match="mysite is there already"):
        start_project("mysite")
    (here / "manage.py").touch()
    with pytest.raises(AlreadyThere, match=r"manage\.py is there already"):
        start_project("other", Path())
    (here / "shop").touch()
    with pytest.raises(AlreadyThere, match="shop is there already"):
        start_app("shop", Path())
    assert files(here) == {"mysite", "mysite/notes.txt", "manage.py", "shop"}


def test_an_empty_folder_is_not_in_the_way(here):
    (here / "mysite").mkdir()
    start_project("mysite")
    assert (here / "mysite" / "manage.py").exists()
