"""``python -m bench [--rounds 5]``: measure ours beside the peers, print the table and draw it."""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench import load, picture, servers, table
from bench.data import STATE, database, expected
from bench.servers import Server

RATE = 50  # requests a second for p99
LIST, FIRST, DEEP = "list of {}", "first page of {}", "page 5,000 of 1,000,000"


class Target(NamedTuple):
    """One row for one contender. `tree` is whose CPU counts; `truth` what a list or page has to hold."""

    row: str
    name: str
    tree: list[Server]
    path: str
    truth: list[tuple[int, str, str, str]] | str
    headers: dict[str, str]

    @property
    def key(self) -> tuple[str, str]:
        """What names it in the results."""
        return self.row, self.name


def ask(target: Target) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers of one answer."""
    request = urllib.request.Request(target.tree[0].url + target.path, headers=target.headers)  # noqa: S310  # ours
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


def check(target: Target) -> tuple[int, str]:
    """The answer that is right. Raises SystemExit with the difference where it is not."""
    status, body, _ = ask(target)
    if "If-None-Match" in target.headers:
        right = (status, body) == (304, "")
    elif isinstance(target.truth, str):
        right = body == target.truth
    elif body.startswith("<"):
        row = re.compile(r'users/(\d+)/edit">([^<]*)</a></th>\s*<td>([^<]*)</td>\s*<td[^>]*>([^<]*)<')
        found = [(int(i), n.replace("&#39;", "'"), e, day) for i, n, e, day in row.findall(body)]
        right = found == target.truth and 'name="csrf_token"' in body
    else:
        data = json.loads(body)
        rows = data["results"] if isinstance(data, dict) else data
        right = [(u["id"], u["name"], u["email"], u["created_at"][:10]) for u in rows] == target.truth
    if not right:
        raise SystemExit(
            f"{target.row}, {target.name}: the answer is not what the database holds: {status} {body[:200]}"
        )
    return status, body


def measure(targets: list[Target], results: table.Results, rounds: int, seconds: int) -> None:
    """Rounds over all targets, so that a noisy minute hits all of them.

    Rows that are compared are measured within seconds of each other, first one way and then the other, so that a
    machine that grows faster or slower meanwhile favours neither.
    """
    order = sorted(targets, key=lambda target: target.key)
    checked = {target.key: check(target) for target in order}

    def ask_on(target: Target, rate: int = 0) -> load.Result:
        status, body = checked[target.key]
        url = target.tree[0].url + target.path
        # runserver closes without saying so, which counts as a failure; one process, it leaves nothing to chance
        fresh = target.name != "tutorial"
        return load.run(url, target.headers, status, body, seconds=seconds, rate=rate, fresh=fresh)

    for target in order:
        ask_on(target)  # warm
    for _ in range(rounds):
        fast, cpu = {}, {}
        for target in order:
            before = sum(server.cpu() for server in target.tree)
            fast[target.key] = ask_on(target)
            cpu[target.key] = sum(server.cpu() for server in target.tree) - before
        for target in order:
            paced, unpaced = ask_on(target, RATE), fast[target.key]
            used, rate = cpu[target.key] / unpaced.requests, unpaced.requests / unpaced.seconds
            sample = table.Sample(used * 1e6, rate, paced.p50 * 1e3, paced.p99 * 1e3)
            results.setdefault(target.key, []).append(sample)
        order.reverse()


@contextmanager
def small(users: int) -> Iterator[tuple[list[Target], dict[str, Server]]]:
    """Everyone on so few users that one page has them all: the targets, and both services of ours by name."""
    path = database(users)
    truth = expected(path, 0, users)
    token = {"Authorization": f"Bearer {servers.TOKEN}"}
    started: list[Server] = []
    try:
        api = servers.ours("api", DATABASE_URL=f"sqlite:///{path}")
        started.append(api)
        web = servers.ours("web", API_URL=api.url)
        started.append(web)
        targets = [
            Target("/", "ours", [web], "/", "Hello, World!", {}),
            Target(LIST.format(users), "ours", [api], "/users", truth, token),
            Target("users page", "ours", [web, api], "/users", truth, {}),
        ]
        started.append(servers.hello())
        targets.append(Target("/", "floor", [started[-1]], "/", "Hello, World!", {}))
        for kind in ("gthread", "sync", "tutorial", "floor"):
            peer = servers.peer_api(kind, path)
            started.append(peer)
            targets.append(Target(LIST.format(users), kind, [peer], "/users", truth, {}))
            if kind != "floor":
                page = servers.peer_web(kind, peer)
                started.append(page)
                targets.append(Target("/", kind, [page], "/", "Hello, World!", {}))
                targets.append(Target("users page", kind, [page, peer], "/users", truth, {}))
        yield targets, {"web": web, "api": api}
    finally:
        for server in reversed(started):
            server.stop()


def stage_small(results: table.Results, memory: dict[str, float], rounds: int, seconds: int) -> None:
    """20 users: the greeting, the list, and the page through both services."""
    with small(20) as (targets, ours):
        measure(targets, results, rounds, seconds)
        memory.update({name: server.memory() for name, server in ours.items()})


def stage_list(results: table.Results, users: int, rounds: int, seconds: int) -> None:
    """100 users: the list and the 304. A million: the first page and page 5,000, beside the first of 1,000."""
    path = database(users)
    token = {"Authorization": f"Bearer {servers.TOKEN}"}
    started: list[Server] = []
    try:
        api = servers.ours("api", DATABASE_URL=f"sqlite:///{path}")
        started.append(api)
        first = expected(path, 0, 100)
        if users == 100:
            row, deep, query = LIST.format(100), first, ""
            targets = [Target(row, "ours", [api], "/users", first, token)]
            tag = ask(targets[0])[2]["ETag"]
            targets.append(Target("304 for 100", "ours", [api], "/users", first, {**token, "If-None-Match": tag}))
        else:
            row, deep, query = DEEP, expected(path, 499_900, 100), "?page=5000"
            small = database(1000)
            few = servers.ours("api", DATABASE_URL=f"sqlite:///{small}")
            started.append(few)
            targets = [
                Target(FIRST.format("1,000"), "ours", [few], "/users", expected(small, 0, 100), token),
                Target(FIRST.format("1,000,000"), "ours", [api], "/users", first, token),
                Target(row, "ours", [api], f"/users?after={499_900:016x}", deep, token),
            ]
        for kind in ("gthread", "sync", "tutorial", "floor"):
            started.append(servers.peer_api(kind, path))
            targets.append(Target(row, kind, [started[-1]], f"/users{query}", deep, {}))
        if users == 100:  # Django on gunicorn saying 304 and doing nothing for it: no 304 of ours can cost less
            targets.append(Target("304 for 100", "floor", [started[-1]], "/unchanged", first, {"If-None-Match": tag}))
        measure(targets, results, rounds, seconds)
    finally:
        for server in reversed(started):
            server.stop()


def main() -> None:
    """Measure, print, keep the figures under ``.local/bench``."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1, help="of each load")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed, and it makes the load (Debian: apt-get install wrk)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the finally blocks that stop the servers
    results: table.Results = {}
    memory: dict[str, float] = {}
    began = os.getloadavg()[0]
    for users in (20, 100, 1_000_000):
        if users == 20:
            stage_small(results, memory, arguments.rounds, arguments.seconds)
        else:
            stage_list(results, users, arguments.rounds, arguments.seconds)
        Path(STATE, "table.md").write_text(table.render(results, memory), encoding="utf-8")
    print(table.render(results, memory))
    picture.draw(results, Path(STATE, "performance.png"))
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    busy = f"load average {began:.1f} at the start, {os.getloadavg()[0]:.1f} at the end"
    print(f"{when}, {os.cpu_count()} CPUs, {busy}, {arguments.rounds} rounds")


if __name__ == "__main__":
    main()
