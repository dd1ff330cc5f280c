"""How often one browser came: the sample program of the course, and a page around its sentence."""

from coatcheck.web import HttpResponse, render


def visit_counter(request):
    count = request.session.get("visit_count", 0)
    count += 1
    request.session["visit_count"] = count
    return HttpResponse(f"You have visited this page {count} times.")


def visits(request):
    sentence = visit_counter(request).content.decode()
    return render(request, "visits.html", {"sentence": sentence})
