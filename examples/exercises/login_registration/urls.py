"""The addresses of Login and Registration."""

from coatcheck.web import path

from . import views

urlpatterns = [
    path("", views.entrance, name="entrance"),
    path("register/", views.register, name="register", methods=["POST"]),
    path("enter/", views.enter, name="enter", methods=["POST"]),
    path("success/", views.success, name="success"),
    path("leave/", views.leave, name="leave", methods=["POST"]),
]
