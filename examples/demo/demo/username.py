"""The username form, written the way Flask's are: routes on the app, session and request imported.

Both styles live in one site; compare ``pages/views.py``.
"""

from datetime import UTC, datetime

from coatcheck.web import redirect, render_template, request, session
from demo.asgi import app


@app.route("/username")
def username():
    name = session.get("username", "")
    return render_template("username.html", name=name)


@app.route("/submit", methods=["POST"])
def submit():
    name = request.form["username"]
    if not name.strip() or len(name) > 40:
        again = render_template("username.html", name=name, problem=True)
        return again, 422
    session["username"] = name.strip()
    session["told_at"] = datetime.now(UTC)
    return redirect("/thankyou")


@app.route("/thankyou")
def thankyou():
    return render_template("thankyou.html")


@app.route("/forget", methods=["POST"])
def forget():
    if "username" in session:
        del session["username"]
    return redirect("/username")
