"""One page to register and to log in, one that only somebody who is in may see."""

from coatcheck.web import auth, authenticate, flash, login, login_required, logout, redirect, render


def entrance(request):
    return render(request, "entrance.html", {"problems": {}, "sent": {}})


def refused(request, problems):
    return render(
        request, "entrance.html", {"problems": problems, "sent": request.POST}, status=422
    )


def register(request):
    sent = request.POST
    problems = {}
    if len(sent["username"].strip()) < 2:
        problems["username"] = "Please type a name of two letters or more."
    if "@" not in sent["email"]:
        problems["email"] = "An email address has an @ in it."
    if len(sent["password"]) < 8:
        problems["password"] = "Please choose a password of eight characters or more."
    elif sent["password"] != sent["again"]:
        problems["again"] = "The two passwords differ."
    if problems:
        return refused(request, problems)
    try:
        user = auth.create_user(sent["username"], sent["password"], sent["email"])
    except auth.UserExists as taken:
        return refused(request, {taken.field: str(taken)})
    login(request, user)
    flash("Successfully registered.")
    return redirect("success")


def enter(request):
    user = authenticate(request.POST["name"], request.POST["key"])
    if user is None:
        return refused(request, {"name": "Name and password do not fit."})
    login(request, user)
    flash("Successfully logged in.")
    return redirect("success")


@login_required(login_url="entrance")
def success(request):
    return render(request, "success.html")


def leave(request):
    logout(request)
    flash("You are logged out.")
    return redirect("entrance")
