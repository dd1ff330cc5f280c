"""The shopping cart in one file. Serve it: coatcheck run route_style.py"""

from collections import Counter
from decimal import Decimal

from coatcheck.web import App, abort, flash, redirect, render_template, request, session

app = App(__name__, settings={"INSTALLED_APPS": ["exercises.look"]})
PRODUCTS = {
    "hanger": ("Cedar hanger", Decimal("9.50")),
    "scarf": ("Wool scarf", Decimal("34.00")),
    "hat": ("Felt hat", Decimal("48.00")),
    "umbrella": ("Tall umbrella", Decimal("27.90")),
    "mittens": ("Pair of mittens", Decimal("19.00")),
    "boots": ("Rain boots", Decimal("56.00")),
}


@app.route("/")
def cart():
    pieces = session.get("cart", [])
    total = price_of(pieces)
    return render_template("cart.html", products=PRODUCTS, lines=Counter(pieces), total=total)


def price_of(pieces):
    return sum((PRODUCTS[key][1] for key in pieces), Decimal())


@app.post("/add/")
def add_to_cart():
    key = request.form["product"]
    if key not in PRODUCTS:
        abort(404, "The shop has no such thing.")
    pieces = session.setdefault("cart", [])
    if len(pieces) == 20:
        flash("Your cart is full.", "problem")
    else:
        pieces.append(key)
        flash(f"{PRODUCTS[key][0]} is in your cart.")
    return redirect("/")


@app.post("/take/")
def take_one_out():
    pieces = session.get("cart", [])
    if request.form["product"] in pieces:
        pieces.remove(request.form["product"])
    return redirect("/")


@app.post("/check_out/")
def check_out():
    pieces = session.pop("cart", [])
    if pieces:
        session.append("orders", {"pieces": len(pieces), "total": price_of(pieces)})
        flash("Thank you for your order!")
    return redirect("/")
