"""The tests' project for an ASGI server; as a URL configuration, its routes as async views."""

from django.core.asgi import get_asgi_application

from tests.integrations.django.site import set_up

set_up()
application = get_asgi_application()

from tests.integrations.django.routes import Async  # noqa: E402 (it needs Django set up)

urlpatterns = list(Async.urlpatterns)
