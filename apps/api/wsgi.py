"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")

_django = get_wsgi_application()

from api.config import SERVICE  # noqa: E402  # Django has to be set up before its models are imported
from api.database import can_serve  # noqa: E402
from api.urls import api  # noqa: E402
from serving.wsgi import Service  # noqa: E402

api.get_openapi_schema()  # built now, in the memory that the workers share
application = Service(_django, service=SERVICE, checks={"database": can_serve})
