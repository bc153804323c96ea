"""Every acknowledged write is readable afterwards, exactly once; and nothing is there that was not sent.

A write that failed may have been done or not (the answer may have been what got lost), so after it both are allowed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import urllib3

from tests.faults.ledger import CHANGE, CREATE, DELETE, WRITES, Ledger

DOMAIN = "example.org"
ABSENT, CREATED, CHANGED = "absent", "created", "changed"
_AFTER = {CREATE: CREATED, CHANGE: CHANGED, DELETE: ABSENT}


class Stored(NamedTuple):
    """A user as it is read back: the load writes its key into the email, and the state into the name."""

    key: str
    state: str


def user(key: str, state: str) -> dict[str, str]:
    """What the load sends for a key in that state."""
    return {"name": f"{key} {state}", "email": f"{key}@{DOMAIN}"}


def read(url: str, token: str | None, run: str) -> list[Stored]:
    """All users of the run as api has them now. `run` is what its keys begin with."""
    pool = urllib3.PoolManager(
        headers={"Authorization": f"Bearer {token}"} if token else {}, retries=urllib3.Retry(5, backoff_factor=0.2)
    )
    path, found = "/users?limit=1000", []
    while path:
        answer = pool.request("GET", url + path, timeout=10)
        assert answer.status == 200, f"{path}: {answer.status} {answer.data[:300]!r}"
        for document in answer.json():
            key, _, state = str(document["name"]).partition(" ")
            if document["email"].startswith(run) or key.startswith(run):
                found.append(Stored(document["email"].partition("@")[0], state))
        link = answer.headers.get("Link", "")
        path = link.partition("<")[2].partition(">")[0]
    return found


def violations(ledger: Ledger, stored: Iterable[Stored]) -> list[str]:
    """What the ledger and the database do not agree on, a sentence for each user; nothing where all is well."""
    allowed = _allowed(ledger)
    states: dict[str, list[str]] = defaultdict(list)
    for found in stored:
        states[found.key].append(found.state)
    return [
        *(
            sentence
            for key, expected in allowed.items()
            if (sentence := _compare(key, expected, states.get(key, [ABSENT])))
        ),
        *(f"{key}: nobody sent it" for key in states if key not in allowed),
    ]


def _allowed(ledger: Ledger) -> dict[str, set[str]]:
    """The states that each key may have. A key's writes come one after another: the client sees to it."""
    allowed: dict[str, set[str]] = defaultdict(lambda: {ABSENT})
    for entry in ledger.entries:
        if entry.operation in WRITES:
            after = {_AFTER[entry.operation]}
            allowed[entry.key] = after if entry.ok else allowed[entry.key] | after
    return allowed


def _compare(key: str, expected: set[str], found: list[str]) -> str:
    if len(found) > 1:
        return f"{key}: there {len(found)} times"
    if found[0] in expected:
        return ""
    wanted = " or ".join(sorted(expected))
    return f"{key}: lost" if found == [ABSENT] else f"{key}: {found[0]}, and has to be {wanted}"


def count(sentences: Iterable[str]) -> Counter[str]:
    """The violations by kind."""
    return Counter(sentence.partition(": ")[2] for sentence in sentences)
