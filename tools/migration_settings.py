"""Django's settings for the checks of migrations in `make lint`: the service's own, and the linter's command.

What a migration does is read from its SQL, so that a database is needed, if only an empty one.
"""

import os

os.environ.setdefault("ENVIRONMENT", "development")
os.environ.setdefault("SECRET_KEY", "lint-only-" + "k" * 32)
os.environ.setdefault("DATABASE_URL", "sqlite:///:memory:")

from api.settings import *  # noqa: F403
from api.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
