"""The database's scope is there whenever a view first asks for it."""

import subprocess
import sys
from textwrap import dedent

import pytest


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_view_that_is_the_first_to_import_db_has_its_scope(kind, tmp_path):
    # In another process: here somebody has imported it long ago.
    script = f"""
        import sys
        from starlette.testclient import TestClient
        from coatcheck.web import App

        settings = {{"SECRET_KEY": "x" * 40, "SESSION_STORE": "memory://"}}
        settings["DATABASE_URL"] = "sqlite:///{tmp_path / "db.sqlite3"}"
        app = App("x", settings=settings)

        @app.route("/")
        {kind} view():
            assert "sqlalchemy" not in sys.modules
            from coatcheck.web import db
            from sqlalchemy import text
            db.execute(text("CREATE TABLE coats (hook INTEGER)"))
            db.execute(text("INSERT INTO coats VALUES (7)"))
            return "made"

        @app.route("/kept")
        {kind} kept():
            from coatcheck.web import db
            from sqlalchemy import text
            return str(db.execute(text("SELECT hook FROM coats")).scalar())

        with TestClient(app) as client:
            print(client.get("/").text, client.get("/kept").text)
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "made 7\n", done.stderr
