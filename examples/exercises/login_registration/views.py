"""One page to register and to log in, and one that only somebody who is in may see."""

from coatcheck.forms import Email, Form, NewPassword, Password, field
from coatcheck.web import auth, flash, form_of, login_required, redirect, render, show_form


class Registration(Form):
    username: str = field(label="Name", min=2, max=40, autocomplete="username")
    email: Email
    password: NewPassword = field(min=8, help="Eight characters or more.")
    again: NewPassword = field(label="Password once more", same_as="password")


class Credentials(Form):
    name: str = field(label="Name or email", autocomplete="username")
    key: Password = field(label="Your password")


def entrance(request):
    return page(Registration.blank(), Credentials.blank())


def page(registration, credentials):
    sent = registration if registration.errors else credentials
    return show_form(sent, "entrance.html", registration=registration, credentials=credentials)


def register(request):
    form = form_of(Registration)
    if form.valid:
        try:
            user = auth.create_user(form.data.username, form.data.password, form.data.email)
        except auth.UserExists as taken:
            form.add_error(taken.field, str(taken))
        else:
            return welcome(request, user, "Successfully registered.")
    return page(form, Credentials.blank())


def enter(request):
    form = form_of(Credentials)
    if form.valid:
        user = auth.authenticate(form.data.name, form.data.key)
        if user is not None:
            return welcome(request, user, "Successfully logged in.")
        form.add_error(None, "Name and password do not fit.")
    return page(Registration.blank(), form)


def welcome(request, user, words):
    auth.login(request, user)
    flash(words)
    return redirect("success")


@login_required(login_url="entrance")
def success(request):
    return render(request, "success.html")


def leave(request):
    auth.logout(request)
    flash("You are logged out.")
    return redirect("entrance")
