"""Which view answers which address. The username form has its addresses in demo/username.py."""

from coatcheck.web import path
from pages import views

urlpatterns = [
    path("", views.home, name="home"),
    path("visits/", views.visits, name="visits"),
    path("visit_counter/", views.visit_counter, name="visit_counter"),
    path("setsession/", views.setsession, name="setsession"),
    path("getsession/", views.getsession, name="getsession"),
    path("delsession/", views.delsession, name="delsession", methods=["POST"]),
    path("cart/", views.cart, name="cart"),
    path("cart/add/", views.add_to_cart, name="add_to_cart", methods=["POST"]),
    path("cart/take/", views.take_one_out, name="take_one_out", methods=["POST"]),
    path("cart/remove/", views.remove_from_cart, name="remove_from_cart", methods=["POST"]),
    path("cart/clear/", views.clear_cart, name="clear_cart", methods=["POST"]),
    path("preferences/", views.preferences, name="preferences"),
    path("start_over/", views.start_over, name="start_over", methods=["POST"]),
    path("broken/", views.broken, name="broken"),
]
