"""Every exercise is served in both styles, and every test plays it in both.

In path style as a part of the demo site, in route style by ``coatcheck run`` on its one file.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.examples.visitor import Visitor
from tests.web.demo import SERVE, copied
from tests.web.project import COATCHECK, Folder

ADDRESSES = {
    "visit_counter": "visits/",
    "shopping_cart": "cart/",
    "preferences": "preferences/",
    "ninja_gold": "ninja_gold/",
    "disappearing_ninjas": "disappearing_ninjas/",
    "email_validation": "email_validation/",
    "login_registration": "login/",
}
"""Where the demo has each exercise."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo and the exercises in it."""
    folder = tmp_path_factory.mktemp("examples")
    copied(folder / "demo")
    return folder


@pytest.fixture(scope="session")
def address_of(folder: Path) -> Iterator[Callable[[str, str], str]]:
    """The address of an exercise in one of its styles. A server is started for the first to ask."""
    with ExitStack() as servers:
        started: dict[str, str] = {}

        def serve(name: str, where: Path, *command: str) -> str:
            if name not in started:
                server = servers.enter_context(Folder(where).serving(*command))
                started[name] = server.url()
            return started[name]

        def address_of(exercise: str, style: str) -> str:
            if style == "path style":
                return serve("demo", folder / "demo", *SERVE) + ADDRESSES[exercise]
            file = f"exercises/{exercise}/route_style.py"
            return serve(exercise, folder, *COATCHECK, "run", file, "--port", "0")

        yield address_of


@pytest.fixture(params=["path style", "route style"])
def visitor(
    request: pytest.FixtureRequest, address_of: Callable[[str, str], str]
) -> Iterator[Visitor]:
    """A visitor who was never here, at the exercise that the test's file is named after."""
    exercise = request.path.stem.removeprefix("test_")
    visitor = Visitor(address_of(exercise, request.param))
    yield visitor
    visitor.close()


@pytest.fixture
def another(visitor: Visitor) -> Iterator[Visitor]:
    """Somebody else at the same site."""
    other = Visitor(visitor.site)
    yield other
    other.close()
