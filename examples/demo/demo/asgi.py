"""The demo for a server: uvicorn demo.asgi:app"""

import os

from coatcheck.web import App
from pages import changes, code, held, words

os.environ.setdefault("COATCHECK_SETTINGS", "demo.settings")

app = App("demo")

# What every template may call, besides what coatcheck gives it.
app.templates.globals.update(
    t=words.t,
    language=words.language,
    theme=words.theme,
    held=held.held,
    last_change=changes.last_change,
    exercise_shown=code.exercise_shown,
    views_behind=code.views_behind,
    template_behind=code.template_behind,
)

from demo import username  # noqa: E402, F401 (its routes are added to app)
