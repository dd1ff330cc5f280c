"""Which view answers which address. The username form has its addresses in demo/username.py."""

from coatcheck.web import include, path
from pages import views

urlpatterns = [
    path("", views.home, name="home"),
    path("", include("exercises.visit_counter.urls")),
    path("cart/", include("exercises.shopping_cart.urls")),
    path("preferences/", include("exercises.preferences.urls")),
    path("ninja_gold/", include("exercises.ninja_gold.urls")),
    path("disappearing_ninjas/", include("exercises.disappearing_ninjas.urls")),
    path("email_validation/", include("exercises.email_validation.urls")),
    path("login/", include("exercises.login_registration.urls")),
    path("setsession/", views.setsession, name="setsession"),
    path("getsession/", views.getsession, name="getsession"),
    path("delsession/", views.delsession, name="delsession", methods=["POST"]),
    path("start_over/", views.start_over, name="start_over", methods=["POST"]),
    path("broken/", views.broken, name="broken"),
]
