"""The address of the preferences."""

from coatcheck.web import path

from . import views

urlpatterns = [path("", views.preferences, name="preferences")]
