"""A module with urlpatterns, named by tests."""

from coatcheck.web import HttpResponse, Request, path


def hello(request: Request, name: str) -> HttpResponse:
    return HttpResponse(f"Hello {name}")


urlpatterns = [path("hello/<name>/", hello)]
