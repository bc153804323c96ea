"""Django's PostgreSQL backend, less two habits that cost as much as many a request's only statement."""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg.types.datetime import TimestamptzLoader


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection: the pool's in the server, of its own in a command."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that the database has not ended while it lay in the pool. Raises OperationalError.

        Django's check (CONN_HEALTH_CHECKS) would ask the database before each request, a round trip.
        """
        connection = super().get_new_connection(conn_params)
        while self.pool and _ended(connection):
            connection.close()
            self.pool.putconn(connection)  # which makes another in its place
            connection = super().get_new_connection(conn_params)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Times as psycopg reads them, in C. Django's own reader, in Python, is for other time zones than UTC."""
        cursor = super().create_cursor(name)
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        return cursor


def _ended(connection: Connection) -> bool:
    """Whether there is something to read: between two statements a server has only its farewell to say."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
