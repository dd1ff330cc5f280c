"""Login and Registration in one file. Serve it: coatcheck run route_style.py"""

from coatcheck.web import (
    App,
    auth,
    authenticate,
    flash,
    login,
    login_required,
    logout,
    redirect,
    render_template,
    request,
)

app = App(__name__, settings={"INSTALLED_APPS": ["coatcheck.web.auth", "exercises.look"]})


@app.route("/")
def entrance():
    return page({}, {})


def page(problems, sent):
    return render_template("entrance.html", problems=problems, sent=sent)


@app.post("/register/")
def register():
    sent = request.form
    problems = {}
    if len(sent["username"].strip()) < 2:
        problems["username"] = "Please type a name of two letters or more."
    if "@" not in sent["email"]:
        problems["email"] = "An email address has an @ in it."
    if len(sent["password"]) < 8:
        problems["password"] = "Please choose a password of eight characters or more."
    elif sent["password"] != sent["again"]:
        problems["again"] = "The two passwords differ."
    if not problems:
        try:
            user = auth.create_user(sent["username"], sent["password"], sent["email"])
        except auth.UserExists as taken:
            problems[taken.field] = str(taken)
    if problems:
        return page(problems, sent), 422
    login(request, user)
    flash("Successfully registered.")
    return redirect("success")


@app.post("/enter/")
def enter():
    user = authenticate(request.form["name"], request.form["key"])
    if user is None:
        return page({"name": "Name and password do not fit."}, request.form), 422
    login(request, user)
    flash("Successfully logged in.")
    return redirect("success")


@app.route("/success/")
@login_required(login_url="entrance")
def success():
    return render_template("success.html")


@app.post("/leave/")
def leave():
    logout(request)
    flash("You are logged out.")
    return redirect("entrance")
