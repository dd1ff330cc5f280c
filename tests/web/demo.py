"""The demo site, to be served from a copy: what it keeps does not land in the repository."""

import shutil
import sys
from pathlib import Path

from tests.web.project import Folder

SOURCE = Path(__file__).resolve().parents[2] / "examples" / "demo"
LEFT_BY_A_SERVER = shutil.ignore_patterns("__pycache__", ".coatcheck", "db.sqlite3*")
SERVE = (sys.executable, "manage.py", "runserver", "--noreload", "127.0.0.1:0")


def copied(to: Path) -> Folder:
    """A copy of the demo in the folder *to*, as a fresh clone has it."""
    shutil.copytree(SOURCE, to, ignore=LEFT_BY_A_SERVER)
    return Folder(to)
