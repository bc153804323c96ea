"""The server's use of the database: its pool; and readiness: it answers, and no migration of ours is waiting."""

from functools import cache

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader


def use_pool() -> None:
    """Take PostgreSQL's connections from a pool from now on; each worker opens its own with its first request."""
    if connection.vendor == "postgresql":
        connection.settings_dict["OPTIONS"]["pool"] = settings.POOL


@cache
def _known() -> frozenset[tuple[str, str]]:
    """The migrations that this code brings, by app and name; read from disk once."""
    return frozenset(MigrationLoader(None).disk_migrations)


def waiting_migrations() -> list[str]:
    """The names of our migrations that the database has not seen, in no order. Raises DatabaseError.

    Unknown ones in the database are newer code's, and no reason for the old code to leave in mid-rollout.
    """
    with connection.cursor() as cursor:
        if "django_migrations" not in connection.introspection.table_names(cursor):
            return sorted(".".join(name) for name in _known())
        cursor.execute("SELECT app, name FROM django_migrations")
        return sorted(".".join(name) for name in _known() - frozenset(cursor.fetchall()))


def can_serve() -> str | None:
    """The readiness check: the reason why the database cannot be used, or None."""
    try:
        waiting = waiting_migrations()
    except Error:
        return "does not answer"
    finally:
        connection.close_if_unusable_or_obsolete()  # a probe is no request of Django's, which would end with it
    return f"migrations are waiting: {', '.join(waiting)}" if waiting else None
