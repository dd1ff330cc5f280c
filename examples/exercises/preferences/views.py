"""The visitor's language and theme, kept in the session and read by every page."""

from coatcheck.web import abort, flash, redirect, render

LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français"}
THEMES = ("auto", "light", "dark")
SAVED = {
    "en": "Saved, for this page and all others.",
    "de": "Gespeichert, für diese Seite und alle anderen.",
    "es": "Guardado, para esta página y todas las demás.",
    "fr": "Enregistré, pour cette page et toutes les autres.",
}


def preferences(request):
    if request.method == "POST":
        language = request.POST["language"]
        theme = request.POST["theme"]
        if language not in LANGUAGES or theme not in THEMES:
            abort(400, "There is no such language or theme.")
        request.session["preferences"] = {"language": language, "theme": theme}
        flash(SAVED[language])
        return redirect("preferences")
    chosen = request.session.get("preferences", {"language": "en", "theme": "auto"})
    values = {"languages": LANGUAGES, "chosen": chosen}
    return render(request, "preferences.html", values)
