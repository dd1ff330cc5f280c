"""The addresses of Ninja Gold."""

from coatcheck.web import path

from . import views

urlpatterns = [
    path("", views.ninja_gold, name="ninja_gold"),
    path("process_money/", views.process_money, name="process_money", methods=["POST"]),
    path("reset/", views.reset, name="reset", methods=["POST"]),
]
