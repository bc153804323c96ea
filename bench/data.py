"""The same users for everyone: SQLite files under ``.local/bench``, made once by our own migration."""

import os
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".local" / "bench"
_FIRST = ("Ada", "Alan", "Annie", "Barbara", "Dennis", "Donald", "Edsger", "Frances", "Grace", "Zoë")
_LAST = ("Lovelace", "Turing", "Easley", "Liskov", "Ritchie", "Knuth", "Dijkstra", "Allen", "Hopper", "O'Brien")


def database(users: int) -> Path:
    """The path of a database with that many users, ids from 1. Made elsewhere first, so a half one never counts."""
    path = STATE / f"users-{users}.db"
    if path.exists():
        return path
    STATE.mkdir(parents=True, exist_ok=True)
    unfinished = STATE / f"unfinished-{os.getpid()}.db"
    unfinished.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "apps"),
        "ENVIRONMENT": "development",
        "LOG_LEVEL": "error",
        "DATABASE_URL": f"sqlite:///{unfinished}",
    }
    subprocess.run([sys.executable, "-m", "api", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
    start = datetime(2026, 1, 1)  # noqa: DTZ001  # Django stores UTC without saying so
    with sqlite3.connect(unfinished) as connection:
        connection.executemany(
            "INSERT INTO users_user (id, name, email, version, created_at, updated_at) VALUES (?, ?, ?, 1, ?, ?)",
            (
                (
                    number,
                    f"{_FIRST[number % 10]} {_LAST[number // 10 % 10]}",
                    f"user{number}@example.org",
                    *[(start + timedelta(seconds=number)).isoformat(" ")] * 2,
                )
                for number in range(1, users + 1)
            ),
        )
        connection.execute("ANALYZE")
    connection.close()
    for rest in STATE.glob(f"{unfinished.name}-*"):
        rest.unlink()
    return unfinished.rename(path)


def expected(path: Path, after: int, limit: int) -> list[tuple[int, str, str, str]]:
    """Id, name, email and creation day of the users behind an id: the truth that answers are compared with."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT id, name, email, substr(created_at, 1, 10) FROM users_user WHERE id > ? ORDER BY id LIMIT ?",
            (after, limit),
        ).fetchall()
    connection.close()
    return rows
