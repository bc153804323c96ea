"""Django's settings for the tests: the service's own, in development, on the database that `make test` names."""

import os

os.environ.setdefault("ENVIRONMENT", "development")
os.environ.setdefault("SECRET_KEY", "tests-only-" + "k" * 32)
os.environ.setdefault("DATABASE_URL", "sqlite:////tmp/tandem-tests.db")  # Django's test runner puts it into memory

from api.settings import *  # noqa: F403
