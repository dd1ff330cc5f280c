"""Disappearing Ninjas in one file. Serve it: coatcheck run route_style.py"""

from coatcheck.web import App, render_template, session

app = App(__name__, settings={"INSTALLED_APPS": ["exercises.look"]})
NINJAS = {
    "blue": "on the roof",
    "orange": "under the stairs",
    "purple": "behind the curtain",
    "red": "in the rain barrel",
}


@app.route("/")
def no_ninjas():
    return render_template("no_ninjas.html")


@app.route("/ninjas/")
def ninjas():
    return render_template("ninjas.html", ninjas=NINJAS)


@app.route("/ninjas/<colour>/")
def ninja(colour):
    if colour not in NINJAS:
        return render_template("no_ninja.html", colour=colour, ninjas=NINJAS), 404
    session.add("ninjas_seen", colour)
    return render_template("ninja.html", colour=colour, where=NINJAS[colour])
