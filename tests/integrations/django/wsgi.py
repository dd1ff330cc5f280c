"""The tests' project for a WSGI server."""

from django.core.wsgi import get_wsgi_application

from tests.integrations.django.site import set_up

set_up()
application = get_wsgi_application()
