"""A pytest plugin for the hosts' own tests: every Flask application made in them is ours.

An application with a session interface of its own, by its class, keeps it.
"""

from typing import Any

import _pytest.monkeypatch
import flask

from coatcheck import Sessions
from coatcheck.integrations.flask import Coatcheck
from coatcheck.stores.memory import MemoryStore

# Flask's conftest asks for a name that pytest 9 has spelt anew.
_pytest.monkeypatch.notset = _pytest.monkeypatch.NOTSET  # type: ignore[attr-defined]

_init = flask.Flask.__init__


def _with_coatcheck(self: flask.Flask, *arguments: Any, **named: Any) -> None:
    _init(self, *arguments, **named)
    if self.session_interface is flask.Flask.session_interface:
        Coatcheck(self, Sessions(MemoryStore()))


flask.Flask.__init__ = _with_coatcheck  # type: ignore[method-assign]
