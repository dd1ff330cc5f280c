"""The addresses of the ninjas, wherever the site takes them in."""

from coatcheck.web import path

from . import views

urlpatterns = [
    path("", views.no_ninjas, name="no_ninjas"),
    path("ninjas/", views.ninjas, name="ninjas"),
    path("ninjas/<colour>/", views.ninja, name="ninja"),
]
