"""The demo's own pages, written the way Django's are: each view takes a request and returns an
answer. Most pages are exercises of the course, beside the demo in ``examples/exercises``."""

from coatcheck.web import HttpResponse, flash, redirect, render


def home(request):
    return render(request, "home.html")


def setsession(request):
    if request.method == "POST":
        request.session["sname"] = request.POST["sname"]
        request.session["semail"] = request.POST["semail"]
        return redirect("getsession")
    return render(request, "setsession.html")


def getsession(request):
    if "sname" not in request.session:
        return render(request, "getsession.html")
    studentname = request.session["sname"]
    studentemail = request.session["semail"]
    answer = studentname + " " + studentemail
    return render(request, "getsession.html", {"answer": answer})


def delsession(request):
    for key in ("sname", "semail"):
        if key in request.session:
            del request.session[key]
    return redirect("getsession")


def start_over(request):
    request.session.clear()
    flash("All that was kept for you is gone.")
    return redirect("home")


def broken(request):
    return HttpResponse(request.session["a key that nobody has set"])
