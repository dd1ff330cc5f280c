"""A cart is a list of keys, one for each piece. It is changed in place, and saved all the same."""

from collections import Counter
from decimal import Decimal

from coatcheck.web import abort, flash, redirect, render

PRODUCTS = {
    "hanger": ("Cedar hanger", Decimal("9.50")),
    "scarf": ("Wool scarf", Decimal("34.00")),
    "hat": ("Felt hat", Decimal("48.00")),
    "umbrella": ("Tall umbrella", Decimal("27.90")),
    "mittens": ("Pair of mittens", Decimal("19.00")),
    "boots": ("Rain boots", Decimal("56.00")),
}


def cart(request):
    pieces = request.session.get("cart", [])
    values = {"products": PRODUCTS, "lines": Counter(pieces), "total": price_of(pieces)}
    return render(request, "cart.html", values)


def price_of(pieces):
    return sum((PRODUCTS[key][1] for key in pieces), Decimal())


def add_to_cart(request):
    key = request.POST["product"]
    if key not in PRODUCTS:
        abort(404, "The shop has no such thing.")
    pieces = request.session.setdefault("cart", [])
    if len(pieces) == 20:
        flash("Your cart is full.", "problem")
    else:
        pieces.append(key)
        flash(f"{PRODUCTS[key][0]} is in your cart.")
    return redirect("cart")


def take_one_out(request):
    pieces = request.session.get("cart", [])
    if request.POST["product"] in pieces:
        pieces.remove(request.POST["product"])
    return redirect("cart")


def check_out(request):
    pieces = request.session.pop("cart", [])
    if pieces:
        request.session.append("orders", {"pieces": len(pieces), "total": price_of(pieces)})
        flash("Thank you for your order!")
    return redirect("cart")
