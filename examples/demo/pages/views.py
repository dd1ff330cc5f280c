"""The pages, written the way Django's are: each view takes a request and returns an answer."""

from coatcheck.web import HttpResponse, abort, flash, redirect, render
from pages import shop
from pages.words import LANGUAGES, THEMES, t


def home(request):
    return render(request, "home.html")


def visit_counter(request):
    count = request.session.get("visit_count", 0)
    count += 1
    request.session["visit_count"] = count
    return HttpResponse(f"You have visited this page {count} times.")


def visits(request):
    sentence = visit_counter(request).content.decode()
    return render(request, "visits.html", {"sentence": sentence})


def setsession(request):
    if request.method == "POST":
        request.session["sname"] = request.POST["sname"]
        request.session["semail"] = request.POST["semail"]
        return redirect("getsession")
    return render(request, "setsession.html")


def getsession(request):
    if "sname" not in request.session:
        return render(request, "getsession.html")
    studentname = request.session["sname"]
    studentemail = request.session["semail"]
    answer = studentname + " " + studentemail
    return render(request, "getsession.html", {"answer": answer})


def delsession(request):
    for key in ("sname", "semail"):
        if key in request.session:
            del request.session[key]
    return redirect("getsession")


def cart(request):
    cart = request.session.get("cart", [])
    return render(request, "cart.html", shop.bill(cart))


def add_to_cart(request):
    product = shop.find(request.POST["product"])
    if "cart" not in request.session:
        request.session["cart"] = []
    if len(request.session["cart"]) == shop.MOST_IN_A_CART:
        flash("Your cart is full.", "problem")
        return redirect("cart")
    # Changed in place, and saved all the same.
    request.session["cart"].append(product.key)
    flash(f"{product.name} is in your cart.")
    return redirect("cart")


def take_one_out(request):
    cart = request.session.get("cart", [])
    if request.POST["product"] in cart:
        cart.remove(request.POST["product"])
        request.session["cart"] = cart
    return redirect("cart")


def remove_from_cart(request):
    cart = request.session.get("cart", [])
    gone = request.POST["product"]
    request.session["cart"] = [key for key in cart if key != gone]
    return redirect("cart")


def clear_cart(request):
    if "cart" in request.session:
        del request.session["cart"]
    return redirect("cart")


def preferences(request):
    if request.method == "POST":
        language = request.POST["language"]
        theme = request.POST["theme"]
        if language not in LANGUAGES or theme not in THEMES:
            abort(400, "There is no such language or theme.")
        request.session["preferences"] = {
            "language": language,
            "theme": theme,
        }
        flash(t("Saved, for this page and all others."))
        return redirect("preferences")
    choices = {"languages": LANGUAGES, "themes": THEMES}
    return render(request, "preferences.html", choices)


def start_over(request):
    request.session.clear()
    flash("All that was kept for you is gone.")
    return redirect("home")


def broken(request):
    return HttpResponse(request.session["a key that nobody has set"])
