"""Email Validation in one file. Serve it: coatcheck run route_style.py"""

from datetime import datetime

from email_validator import EmailNotValidError, validate_email

from coatcheck.web import (
    App,
    Mapped,
    Model,
    db,
    flash,
    func,
    mapped_column,
    redirect,
    render_template,
    request,
    select,
)

app = App(__name__, settings={"INSTALLED_APPS": ["exercises.look"]})


class Address(Model):
    email: Mapped[str] = mapped_column(unique=True)
    added: Mapped[datetime] = mapped_column(default=func.now())


# One file has no migrations: it makes its table where there is none.
Model.metadata.create_all(app.database.engine, [Address.__table__])


@app.route("/")
def addresses(problem="", sent=""):
    known = db.scalars(select(Address).order_by(Address.id.desc()).limit(50)).all()
    return render_template("addresses.html", addresses=known, problem=problem, sent=sent)


@app.post("/")
def add():
    sent = request.form["email"].strip()
    try:
        email = validate_email(sent, check_deliverability=False).normalized
    except EmailNotValidError as problem:
        return addresses(str(problem), sent), 422
    if db.scalar(select(Address).filter_by(email=email)):
        return addresses("This address is in the list already.", sent), 422
    db.add(Address(email=email))
    flash(f"The email address you entered ({email}) is a VALID email address! Thank you!")
    return redirect("/")


@app.post("/<int:id>/remove/")
def remove(id):
    address = db.get(Address, id)
    if address:
        db.delete(address)
        flash(f"{address.email} is gone.")
    return redirect("/")
