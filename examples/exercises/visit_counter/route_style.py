"""The visit counter in one file. Serve it: coatcheck run route_style.py"""

from coatcheck.web import App, render_template, session

app = App(__name__, settings={"INSTALLED_APPS": ["exercises.look"]})


@app.route("/")
def visits():
    return render_template("visits.html", sentence=visit_counter())


@app.route("/visit_counter/")
def visit_counter():
    session["visit_count"] = session.get("visit_count", 0) + 1
    return f"You have visited this page {session['visit_count']} times."
