"""Takes an e-mail address, says what is wrong with it, or keeps it for all visitors to see."""

from email_validator import EmailNotValidError, validate_email

from coatcheck.web import db, flash, redirect, render, select

from .models import Address


def addresses(request):
    if request.method == "GET":
        return page(request)
    sent = request.POST["email"].strip()
    try:
        email = validate_email(sent, check_deliverability=False).normalized
    except EmailNotValidError as problem:
        return page(request, str(problem), sent)
    if db.scalar(select(Address).filter_by(email=email)):
        return page(request, "This address is in the list already.", sent)
    db.add(Address(email=email))
    flash(f"The email address you entered ({email}) is a VALID email address! Thank you!")
    return redirect("addresses")


def page(request, problem="", sent=""):
    known = db.scalars(select(Address).order_by(Address.id.desc()).limit(50)).all()
    values = {"addresses": known, "problem": problem, "sent": sent}
    return render(request, "addresses.html", values, status=422 if problem else 200)


def remove(request, id):
    address = db.get(Address, id)
    if address:
        db.delete(address)
        flash(f"{address.email} is gone.")
    return redirect("addresses")
