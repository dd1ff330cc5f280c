"""One route with a place in it: /ninjas/blue/ calls ``ninja`` with colour="blue"."""

from coatcheck.web import render

NINJAS = {
    "blue": "on the roof",
    "orange": "under the stairs",
    "purple": "behind the curtain",
    "red": "in the rain barrel",
}


def no_ninjas(request):
    return render(request, "no_ninjas.html")


def ninjas(request):
    return render(request, "ninjas.html", {"ninjas": NINJAS})


def ninja(request, colour):
    if colour not in NINJAS:
        return render(request, "no_ninja.html", {"colour": colour, "ninjas": NINJAS}, status=404)
    request.session.add("ninjas_seen", colour)
    return render(request, "ninja.html", {"colour": colour, "where": NINJAS[colour]})
