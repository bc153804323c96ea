"""``loadusers``: the sample users, or a file of one's own."""

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, transaction
from django.db.models.functions import Lower
from pydantic import ValidationError
from tqdm import tqdm

from api.users.models import User
from api.users.schemas import UserIn

SAMPLE = Path(__file__).parents[2] / "sample_users.json"
_BATCH = 500  # rows a statement: below SQLite's limit of 32,766 parameters


class Command(BaseCommand):
    """Create the users of a CSV or JSON file; those whose email address is there already are left as they are."""

    help = __doc__
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """A file or --sample, and --if-empty."""
        parser.add_argument("file", nargs="?", type=Path, help="CSV with the columns name and email, or a JSON array")
        parser.add_argument("--sample", action="store_true", help="load the sample users that come with the service")
        parser.add_argument("--if-empty", action="store_true", help="do nothing where there is any user")

    def handle(self, *_: Any, file: Path | None, sample: bool, if_empty: bool, **__: Any) -> None:
        """Load. Raises CommandError where the file cannot be read, or a row was bad; the good rows are in then."""
        if (file is None) == (not sample):
            raise CommandError("Name a CSV or JSON file, or give --sample.")
        try:
            if if_empty and User.objects.exists():
                self.stdout.write("There are users already; nothing was loaded.")
                return
            created, present, bad = self._load(SAMPLE if file is None else file)
        except DatabaseError as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CommandError(f"The database refused: {reason}") from error
        self.stdout.write(f"{created} users created, {present} were there already, {bad} rows were bad.")
        if bad:
            raise CommandError(f"{bad} rows were not loaded; each is named above.")

    def _load(self, path: Path) -> tuple[int, int, int]:
        rows = _read(path)
        created = present = bad = 0
        # No bar where nobody watches: tqdm decides by whether stderr is a terminal.
        with tqdm(rows, unit=" users", disable=None, leave=False) as progress:
            numbered = enumerate(progress, start=1)
            while batch := list(islice(numbered, _BATCH)):
                users = []
                for number, row in batch:
                    try:
                        users.append(UserIn.model_validate(row))
                    except ValidationError as error:
                        bad += 1
                        progress.clear()
                        self.stderr.write(f"{path.name}, row {number}: {_faults(error)}")
                new = _insert(users)
                created += new
                present += len(users) - new
        return created, present, bad


def _insert(users: list[UserIn]) -> int:
    """Insert those whose email address is new; their number."""
    by_email = {user.email.lower(): user for user in reversed(users)}  # the first of two wins
    with transaction.atomic():
        taken = (
            User.objects.annotate(lowered=Lower("email"))
            .filter(lowered__in=list(by_email))
            .values_list("lowered", flat=True)
        )
        for email in taken:
            del by_email[email]
        # ignore_conflicts: somebody else may create one of them at the same moment.
        User.objects.bulk_create(
            [User(name=user.name, email=user.email) for user in reversed(by_email.values())], ignore_conflicts=True
        )
    return len(by_email)


def _read(path: Path) -> Iterable[Any]:
    """The rows of a file, by its ending."""
    try:
        if path.suffix.lower() == ".json":
            rows = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(rows, list):
                raise CommandError(f"{path} has to hold a JSON array of users.")
            return rows
        if path.suffix.lower() == ".csv":
            return _read_csv(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CommandError(f"{path} is not JSON in UTF-8: {error}.") from error
    raise CommandError(f"{path} has to end in .csv or .json.")


def _read_csv(path: Path) -> Iterable[Any]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    if not {"name", "email"} <= set(header):
        raise CommandError(f"{path} has to begin with a line that names its columns, name and email among them.")
    return _csv_rows(path)


def _csv_rows(path: Path) -> Iterator[Any]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                yield {"name": row["name"], "email": row["email"]}  # further columns are somebody else's
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} is not CSV in UTF-8: {error}.") from error


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'row'}: {fault['msg']}" for fault in error.errors())
