"""Login and Registration in one file. Serve it: coatcheck run route_style.py"""

from coatcheck.forms import Email, Form, NewPassword, Password, field
from coatcheck.web import (
    App,
    auth,
    flash,
    form_of,
    login_required,
    redirect,
    render_template,
    request,
    show_form,
)

app = App(__name__, settings={"INSTALLED_APPS": ["coatcheck.web.auth", "exercises.look"]})


class Registration(Form):
    username: str = field(label="Name", min=2, max=40, autocomplete="username")
    email: Email
    password: NewPassword = field(min=8, help="Eight characters or more.")
    again: NewPassword = field(label="Password once more", same_as="password")


class Credentials(Form):
    name: str = field(label="Name or email", autocomplete="username")
    key: Password = field(label="Your password")


def page(registration, credentials):
    sent = registration if registration.errors else credentials
    return show_form(sent, "entrance.html", registration=registration, credentials=credentials)


def welcome(user, words):
    auth.login(request, user)
    flash(words)
    return redirect("success")


@app.route("/")
def entrance():
    return page(Registration.blank(), Credentials.blank())


@app.post("/register/")
def register():
    form = form_of(Registration)
    if form.valid:
        try:
            user = auth.create_user(form.data.username, form.data.password, form.data.email)
            return welcome(user, "Successfully registered.")
        except auth.UserExists as taken:
            form.add_error(taken.field, str(taken))
    return page(form, Credentials.blank())


@app.post("/enter/")
def enter():
    form = form_of(Credentials)
    if form.valid:
        user = auth.authenticate(form.data.name, form.data.key)
        if user is not None:
            return welcome(user, "Successfully logged in.")
        form.add_error(None, "Name and password do not fit.")
    return page(Registration.blank(), form)


@app.route("/success/")
@login_required(login_url="entrance")
def success():
    return render_template("success.html")


@app.post("/leave/")
def leave():
    auth.logout(request)
    flash("You are logged out.")
    return redirect("entrance")
