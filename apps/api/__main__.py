"""``python -m api`` serves; ``python -m api COMMAND`` runs a Django management command, such as ``migrate``."""

import atexit
import gc
import os
import sys

from api.config import load
from serving.settings import ConfigurationError, refuse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
# Looking for pydantic's plugins means reading what every installed package says of itself; there are none here.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

if sys.argv[1:] in ([], ["--check"]):
    from serving import server

    server.main(load, "api.wsgi:application")

try:
    settings = load()
except ConfigurationError as error:
    sys.exit(refuse(str(error)))

# Each pod runs `migrate` before it serves, so a command does not load the server, nor the server Django's commands.
from django.core.management import execute_from_command_line

from serving import logs

# What it imports stays until it ends: to look through that for garbage, and again at the end, would find none.
gc.set_threshold(100_000)
atexit.register(gc.freeze)

logs.configure(settings.log_level, settings.log_format)
execute_from_command_line(["python -m api", *sys.argv[1:]])
