"""The WSGI application that gunicorn serves.

No readiness check asks api: one sick service must not take the other out of rotation.
"""

from serving.wsgi import Service
from web import create_app
from web.config import SERVICE, load

application = Service(create_app(load()), service=SERVICE, checks={})
