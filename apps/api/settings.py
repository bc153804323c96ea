"""Django's settings (https://docs.djangoproject.com/en/5.2/ref/settings/), from `api.config`.

What is not here is left out on purpose: an API without sessions, forms or an admin needs neither their applications
nor their middleware.
"""

from typing import Any

import dj_database_url

from api.config import load
from serving.settings import BODY_LIMIT

_config = load()

STATEMENT_TIMEOUT = 2.0  # seconds: what web waits for an answer

DEBUG = False  # Django's debug pages are HTML and show variables; the log has the traceback
SECRET_KEY, *SECRET_KEY_FALLBACKS = _config.secret_keys
ALLOWED_HOSTS = list(_config.allowed_hosts)
API_TOKENS = _config.api_tokens

ROOT_URLCONF = "api.urls"
INSTALLED_APPS = ["api.users"]
MIDDLEWARE = ["api.middleware.gate", "api.outage.middleware", "api.middleware.deadline"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMIT
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING_CONFIG = None  # serving.logs
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _database() -> dict[str, Any]:
    database: dict[str, Any] = {**dj_database_url.parse(_config.database_url)}
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["CONN_MAX_AGE"] = None  # one connection a thread: opening a file costs more than a query
        options.update(
            # A transaction takes the write lock at its start, and waits for it; a late upgrade would fail at once.
            transaction_mode="IMMEDIATE",
            timeout=STATEMENT_TIMEOUT,
            # Readers do not wait for a writer (WAL), and an acknowledged write survives a power cut (FULL).
            init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000",
        )
    else:
        database["ENGINE"] = "api.postgresql"
        options.update(
            application_name="tandem-api",
            options=f"-c statement_timeout={int(STATEMENT_TIMEOUT * 1000)}",
            connect_timeout=2,  # seconds, the least that libpq takes
            # A database whose node is gone sends no reset: find out within the time that web waits.
            tcp_user_timeout=2000,
            keepalives_idle=5,
            keepalives_interval=1,
            keepalives_count=2,
        )
    return database


DATABASES = {"default": _database()}

# psycopg's pool (https://www.psycopg.org/psycopg3/docs/api/pool.html), which the server adds to its OPTIONS: as many
# connections as there are requests at once. A command has one of its own, whose errors and locks are its own too.
POOL = {
    "min_size": 0,
    "max_size": _config.threads + 1,  # and readiness
    "timeout": 1.5,  # seconds for a free connection, or for the database to come back
    # Its pauses between attempts double; given up soon, the next request begins anew and finds the database back.
    "reconnect_timeout": 2,
}
