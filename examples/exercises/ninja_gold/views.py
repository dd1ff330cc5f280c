"""Four buildings give gold, and one may take it. What a visit brings is drawn here, on the server:
a form only says which building was entered."""

from datetime import UTC, datetime
from secrets import SystemRandom

from coatcheck.web import abort, redirect, render

BUILDINGS = {"farm": (10, 20), "cave": (5, 10), "house": (2, 5), "casino": (-50, 50)}
chance = SystemRandom()


def ninja_gold(request):
    return render(request, "ninja_gold.html", {"buildings": BUILDINGS})


def process_money(request):
    building = request.POST["building"]
    if building not in BUILDINGS:
        abort(404, "There is no such building in town.")
    won = chance.randint(*BUILDINGS[building])
    request.session.increment("gold", won)
    activity = {"building": building, "won": won, "at": datetime.now(UTC)}
    request.session.append("activities", activity, maxlen=50)
    return redirect("ninja_gold")


def reset(request):
    for key in ("gold", "activities"):
        request.session.pop(key, None)
    return redirect("ninja_gold")
