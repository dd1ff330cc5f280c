from coatcheck.web import App, session

app = App(__name__)


@app.route("/")
def visits():
    session["visits"] = session.get("visits", 0) + 1
    return f"You have visited this page {session['visits']} times."
