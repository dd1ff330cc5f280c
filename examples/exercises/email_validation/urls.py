"""The addresses of the addresses."""

from coatcheck.web import path

from . import views

urlpatterns = [
    path("", views.addresses, name="addresses", methods=["GET", "POST"]),
    path("<int:id>/remove/", views.remove, name="remove", methods=["POST"]),
]
