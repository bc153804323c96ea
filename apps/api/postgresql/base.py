"""Django's PostgreSQL backend, less two habits that cost as much as many a request's only statement."""

import time
from typing import Any

from django.db.backends.postgresql import base
from psycopg.types.datetime import TimestamptzLoader

REST = 1.0  # seconds without use after which a connection is checked


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection."""

    _used = 0.0  # time.monotonic() of the last statement

    def create_cursor(self, name: str | None = None) -> Any:
        """Times as psycopg reads them, in C. Django's own reader, in Python, is for other time zones than UTC."""
        cursor = super().create_cursor(name)
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        return cursor

    def close_if_health_check_failed(self) -> None:
        """Ask only a connection that had a rest whether it still works; Django asks each request's, a round trip.

        So one that breaks between two requests less than a second apart costs the second of them a 503.
        """
        now = time.monotonic()
        if now - self._used < REST:
            self.health_check_done = True
        self._used = now
        super().close_if_health_check_failed()
