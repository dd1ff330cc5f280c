"""Takes an e-mail address, says what is wrong with it, or keeps it for all visitors to see."""

from coatcheck.forms import Email, Form, field
from coatcheck.web import db, flash, form_of, redirect, select, show_form

from .models import Address


class NewAddress(Form):
    email: Email = field(label="Email address", help="Every visitor of this site will see it.")


def addresses(request):
    form = form_of(NewAddress)
    if form.valid:
        email = form.data.email
        if db.scalar(select(Address).filter_by(email=email)) is None:
            db.add(Address(email=email))
            flash(f"The email address you entered ({email}) is a VALID email address! Thank you!")
            return redirect("addresses")
        form.add_error("email", "This address is in the list already.")
    known = db.scalars(select(Address).order_by(Address.id.desc()).limit(50)).all()
    return show_form(form, "addresses.html", addresses=known)


def remove(request, id):
    address = db.get(Address, id)
    if address is not None:
        db.delete(address)
        flash(f"{address.email} is gone.")
    return redirect("addresses")
