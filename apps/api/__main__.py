"""``python -m api`` serves; ``python -m api COMMAND`` runs a Django management command, such as ``migrate``."""

import os
import sys

from django.core.management import execute_from_command_line

from api.config import load
from serving import logs, server
from serving.settings import ConfigurationError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")

if sys.argv[1:] in ([], ["--check"]):
    server.main(load, "api.wsgi:application")

try:
    settings = load()
except ConfigurationError as error:
    sys.exit(server.refuse(str(error)))
logs.configure(settings.log_level, settings.log_format)
execute_from_command_line(["python -m api", *sys.argv[1:]])
