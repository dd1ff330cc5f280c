"""Preferences in one file. Serve it: coatcheck run route_style.py"""

from coatcheck.web import App, abort, flash, redirect, render_template, request, session

app = App(__name__, settings={"INSTALLED_APPS": ["exercises.look"]})
LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français"}
THEMES = ("auto", "light", "dark")
SAVED = {
    "en": "Saved, for this page and all others.",
    "de": "Gespeichert, für diese Seite und alle anderen.",
    "es": "Guardado, para esta página y todas las demás.",
    "fr": "Enregistré, pour cette page et toutes les autres.",
}


@app.route("/")
def preferences():
    chosen = session.get("preferences", {"language": "en", "theme": "auto"})
    return render_template("preferences.html", languages=LANGUAGES, chosen=chosen)


@app.post("/")
def save():
    language = request.form["language"]
    theme = request.form["theme"]
    if language not in LANGUAGES or theme not in THEMES:
        abort(400, "There is no such language or theme.")
    session["preferences"] = {"language": language, "theme": theme}
    flash(SAVED[language])
    return redirect("/")
