"""Ninja Gold in one file. Serve it: coatcheck run route_style.py"""

from datetime import UTC, datetime
from secrets import SystemRandom

from coatcheck.web import App, abort, redirect, render_template, request, session

app = App(__name__, settings={"INSTALLED_APPS": ["exercises.look"]})
BUILDINGS = {"farm": (10, 20), "cave": (5, 10), "house": (2, 5), "casino": (-50, 50)}
chance = SystemRandom()


@app.route("/")
def ninja_gold():
    return render_template("ninja_gold.html", buildings=BUILDINGS)


@app.post("/process_money/")
def process_money():
    building = request.form["building"]
    if building not in BUILDINGS:
        abort(404, "There is no such building in town.")
    won = chance.randint(*BUILDINGS[building])
    session.increment("gold", won)
    activity = {"building": building, "won": won, "at": datetime.now(UTC)}
    session.append("activities", activity, maxlen=50)
    return redirect("/")


@app.post("/reset/")
def reset():
    session.pop("gold", None)
    session.pop("activities", None)
    return redirect("/")
