"""A site that counts, in tables of its own, what its forms did.

``runs`` gets a row when a view begins, ``orders`` when its work stands: what is in the first and
not in the second broke off. A form says how long its view takes, or which file it waits for.
"""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from coatcheck.forms.once import Once
from coatcheck.web import App, flash, redirect, render_template, request, session

HERE = Path(__file__).parent
PATIENCE = 30

# Nobody wants to wait 10 and 30 seconds in a test. The rules are the same.
vars(Once)["of"].__func__.__kwdefaults__.update(wait=1.0, lease=2.0)

app = App(__name__)


@app.route("/")
def order_form():
    return render_template("order.html", action="/order", once="")


@app.route("/checkout")
def checkout():
    return render_template("order.html", action="/order", once="checkout")


@app.route("/page")
def page_form():
    return render_template("order.html", action="/page", once="")


@app.post("/order")
def order():
    work()
    session.append("ordered", request.form["item"])
    flash(f"{request.form['item']} was ordered.")
    return redirect("/done")


@app.post("/page", name="page")
def page():
    work()
    return render_template("done.html")


@app.route("/known")
def known():
    session["ordered"] = []
    return render_template("done.html")


@app.route("/done")
def done():
    return render_template("done.html")


def work():
    item = request.form["item"]
    count("runs", item)
    time.sleep(float(request.form["seconds"]))
    gate, start = request.form["gate"], time.monotonic()
    while gate and not (HERE / gate).exists():
        assert time.monotonic() < start + PATIENCE, "the test never opened the gate"
        time.sleep(0.02)
    count("orders", item)


def count(table, item):
    with closing(sqlite3.connect(HERE / "count.sqlite3", timeout=PATIENCE)) as database, database:
        row = (item, request.form["note"], os.getpid())
        database.execute(f"INSERT INTO {table} (item, note, process) VALUES (?, ?, ?)", row)
