"""The demo site and the exercises, to be served from a copy: what they keep does not land in the
repository."""

import shutil
import sys
from pathlib import Path

from tests.web.project import Folder

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SOURCE = EXAMPLES / "demo"
LEFT_BY_A_SERVER = shutil.ignore_patterns("__pycache__", ".coatcheck", "db.sqlite3*")
SERVE = (sys.executable, "manage.py", "runserver", "--noreload", "127.0.0.1:0")


def copied(to: Path) -> Folder:
    """A copy of the demo in the folder *to*, with the exercises beside it, as ``make demo`` has it
    when it starts to serve: migrated."""
    shutil.copytree(SOURCE, to, ignore=LEFT_BY_A_SERVER)
    exercises_copied(to.parent)
    demo = Folder(to)
    done = demo.manage("migrate")
    assert done.returncode == 0, done.stderr
    return demo


def exercises_copied(to: Path) -> Folder:
    """A copy of the exercises, as the folder ``exercises`` in *to*."""
    shutil.copytree(EXAMPLES / "exercises", to / "exercises", ignore=LEFT_BY_A_SERVER)
    return Folder(to)
