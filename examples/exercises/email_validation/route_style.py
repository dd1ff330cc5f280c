"""Email Validation in one file. Serve it: coatcheck run route_style.py"""

from datetime import datetime

from coatcheck import web
from coatcheck.forms import Email, Form, field
from coatcheck.web import App, Mapped, Model, db, flash, form_of, redirect, select, show_form

app = App(__name__, settings={"INSTALLED_APPS": ["exercises.look"]})


class Address(Model):
    email: Mapped[str] = web.mapped_column(unique=True)
    added: Mapped[datetime] = web.mapped_column(default=web.func.now())


class NewAddress(Form):
    email: Email = field(label="Email address", help="Every visitor of this site will see it.")


@app.route("/", methods=["GET", "POST"])
def addresses():
    form = form_of(NewAddress)
    if form.valid:
        email = form.data.email
        if db.scalar(select(Address).filter_by(email=email)) is None:
            db.add(Address(email=email))
            flash(f"The email address you entered ({email}) is a VALID email address! Thank you!")
            return redirect("/")
        form.add_error("email", "This address is in the list already.")
    known = db.scalars(select(Address).order_by(Address.id.desc()).limit(50)).all()
    return show_form(form, "addresses.html", addresses=known)


@app.post("/<int:id>/remove/")
def remove(id):
    address = db.get(Address, id)
    if address is not None:
        db.delete(address)
        flash(f"{address.email} is gone.")
    return redirect("/")
