"""The addresses of the visit counter."""

from coatcheck.web import path

from . import views

urlpatterns = [
    path("visits/", views.visits, name="visits"),
    path("visit_counter/", views.visit_counter, name="visit_counter"),
]
