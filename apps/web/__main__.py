"""``python -m web`` serves; ``python -m web --check`` says whether the configuration is usable."""

from serving import server
from web.config import load

server.main(load, "web.wsgi:application")
