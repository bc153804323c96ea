"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")

_django = get_wsgi_application()

import api.urls  # noqa: E402, F401  # now, in the memory that the workers share; Django's models have to be set up first
from api.config import SERVICE  # noqa: E402
from api.database import can_serve, use_pool  # noqa: E402
from serving.wsgi import Service  # noqa: E402

use_pool()
application = Service(_django, service=SERVICE, checks={"database": can_serve})
