"""``migrate``, safe to run from every pod at once."""

import sys
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as Migrate
from django.db import DatabaseError, OperationalError, connection

from api.database import waiting_migrations

# Any number does, as long as nothing else takes an advisory lock of it in the same database: "tndm".
LOCK = 0x746E646D


class Command(Migrate):
    """Django's migrate, one at a time on PostgreSQL, and done at once where nothing waits.

    SQLite needs no lock of its own: each migration's transaction takes the only write lock there is.
    """

    # The checks import the whole application, which every pod would pay for at its start: only a migration is worth it.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Django's, and how long to wait for a database that is not up yet."""
        super().add_arguments(parser)
        parser.add_argument(
            "--wait", type=float, default=10.0, metavar="SECONDS", help="wait for the database this long (default: 10)"
        )

    def handle(self, *args: Any, wait: float, **options: Any) -> None:
        """Migrate. Raises CommandError with one sentence where the database is away or refuses."""
        if args or options["app_label"] or options["plan"] or options["check_unapplied"]:
            self._migrate(*args, **options)
            return
        try:
            if not self._waiting(wait):
                self.stdout.write("No migration is waiting.")
                return
            if connection.vendor == "postgresql":
                self._lock()
            self._migrate(*args, **options)
        except DatabaseError as error:
            raise CommandError(f"The database refused: {_first_line(error)}") from error
        finally:
            connection.close()  # and with it the lock

    def _migrate(self, *args: Any, **options: Any) -> None:
        self.check(databases=[connection.alias])
        super().handle(*args, **options)

    def _waiting(self, wait: float) -> list[str]:
        give_up = time.monotonic() + wait
        while True:
            try:
                return waiting_migrations()
            except OperationalError as error:
                where = "{HOST}:{PORT}/{NAME}".format(**{**connection.settings_dict, "PORT": _port()})
                reason = f"The database {where.lstrip(':')} does not answer: {_first_line(error)}"
                if time.monotonic() >= give_up:
                    raise CommandError(reason) from error
                self.stderr.write(f"{reason}; waiting.")
                connection.close()
                time.sleep(1)

    def _lock(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")  # a migration may take its time, and so may waiting for one
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                self.stdout.write("Another migration is running; waiting for it.")
                sys.stdout.flush()
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            # A statement that queues for a table's lock holds up every reader behind it: give up, and be run again.
            cursor.execute("SET lock_timeout = '5s'")


def _port() -> str:
    return str(connection.settings_dict["PORT"] or (5432 if connection.vendor == "postgresql" else ""))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
