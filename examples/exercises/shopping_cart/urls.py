"""The addresses of the cart."""

from coatcheck.web import path

from . import views

urlpatterns = [
    path("", views.cart, name="cart"),
    path("add/", views.add_to_cart, name="add_to_cart", methods=["POST"]),
    path("take/", views.take_one_out, name="take_one_out", methods=["POST"]),
    path("check_out/", views.check_out, name="check_out", methods=["POST"]),
]
