"""`make up` on a fresh clone: the whole system on one machine, hardened, and what it survives."""

import json
import threading
import time
from itertools import count

from tests.compose.conftest import ONE_SHOTS, SERVING, Project
from tests.engine import docker, run, wait_for
from tests.services import ROOT


def fingerprint(project: Project) -> dict[str, tuple[str, str, int]]:
    """What changes where a service was made or started again: container, start, restarts."""
    found = project.containers()
    return {
        name: (found[name]["Id"], found[name]["State"]["StartedAt"], found[name]["RestartCount"]) for name in SERVING
    }


def secret_values(project: Project) -> list[str]:
    """Every secret, as the volumes hold it."""
    return project.in_volumes("sha256sum /*-secrets/*").splitlines()


def test_everything_serves(running: Project) -> None:
    """Both services and the database are healthy, the one-shots have ended well, and the sample users are in."""
    found = running.containers()
    assert {*SERVING, *ONE_SHOTS} == found.keys()
    assert dict.fromkeys(SERVING, "healthy") == {name: found[name]["State"]["Health"]["Status"] for name in SERVING}
    assert dict.fromkeys(ONE_SHOTS, ("exited", 0)) == {
        name: (found[name]["State"]["Status"], found[name]["State"]["ExitCode"]) for name in ONE_SHOTS
    }
    assert b"Hello, World!" == running.request("GET", f"{running.web}/").data
    samples = json.loads((ROOT / "apps/api/users/sample_users.json").read_text(encoding="utf-8"))
    assert samples == [{"name": user["name"], "email": user["email"]} for user in running.users()]
    page = running.request("GET", f"{running.web}/users").data.decode()
    assert all(user["email"] in page for user in samples)
    assert 401 == running.status(f"{running.api}/users")
    version = running.compose("exec", "-T", "database", "postgres", "--version")
    assert version.startswith("postgres (PostgreSQL) 17.")


def test_only_this_machine_reaches_it(running: Project) -> None:
    """Two ports, both on 127.0.0.1; the database has none."""
    found = running.containers()
    published = {
        name: [each for bindings in found[name]["NetworkSettings"]["Ports"].values() for each in bindings or ()]
        for name in SERVING
    }
    wanted = {"web": [running.web], "api": [running.api], "database": []}
    assert wanted == {
        name: [f"http://{each['HostIp']}:{each['HostPort']}" for each in each_one]
        for name, each_one in published.items()
    }


def test_every_container_is_hardened(running: Project) -> None:
    """Read-only root, no capability, no new privileges, limits; root makes the secrets and nothing else."""
    found = running.containers()
    assert 6 == len(found)
    for name, container in found.items():
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert ["ALL"] == host["CapDrop"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert ["no-new-privileges:true"] == host["SecurityOpt"], name
        assert host["Memory"] == 512 * 1024**2, name
        assert host["NanoCpus"] == 2 * 10**9, name
        assert host["PidsLimit"] in (100, 200), name
        assert ("none" == host["NetworkMode"] and "0:0" == container["Config"]["User"]) == (name == "secrets"), name
        if name != "secrets":
            assert container["Config"]["User"] in ("65532:65532", "999:999"), name


def test_the_hardening_holds(running: Project) -> None:
    """Tried from inside: nothing can be written but scratch space, and no secret be changed."""
    script = """
import pathlib
for path in ("/x", "/tandem/apps/x", "/run/secrets/api_token", "/data/x"):
    try:
        pathlib.Path(path).write_text("x")
        print(path)
    except OSError:
        pass
pathlib.Path("/tmp/x").write_text("x")
print(next(line for line in open("/proc/self/status") if line.startswith("CapBnd")).split()[1])
"""
    for name in ("web", "api"):
        assert "0000000000000000" == running.compose("exec", "-T", name, "python", "-c", script)


def test_each_reaches_what_it_needs_alone(running: Project) -> None:
    """Web cannot even name the database, and nothing but its own secrets are in a container."""
    script = "import socket; print(socket.gethostbyname('{}'))"
    lookup = ("docker", "compose", "exec", "-T", "web", "python", "-c")
    options = {"cwd": running.folder, "env": running.environment}
    assert 0 == run(*lookup, script.format("api"), **options).returncode  # type: ignore[arg-type]
    assert "gaierror" in run(*lookup, script.format("database"), **options).stderr  # type: ignore[arg-type]
    listing = "import os; print(*sorted(os.listdir('/run/secrets')))"
    seen = {name: running.compose("exec", "-T", name, "python", "-c", listing) for name in ("web", "api")}
    assert {"web": "api_token secret_key", "api": "api_token database_url secret_key"} == seen
    assert "password" == running.compose("exec", "-T", "database", "ls", "/run/secrets")


def test_secrets_are_in_volumes_alone(running: Project) -> None:
    """Not in the checkout, not in an environment variable or a command line; none is guessable; none is used twice."""
    values = running.in_volumes("for f in /*-secrets/*; do echo $f $(cat $f); done").splitlines()
    named = dict(line.split() for line in values)
    assert named.pop("/web-secrets/api_token") == named["/api-secrets/api_token"]
    password = named["/database-secrets/password"]
    assert f"postgresql://tandem:{password}@database:5432/tandem" == named.pop("/api-secrets/database_url")
    assert 4 == len(set(named.values()))
    assert {64} == {len(value) for value in named.values()}
    shown = json.dumps(running.containers()) + running.compose("config") + running.compose("logs")
    assert [] == [name for name, value in named.items() if value in shown]
    changed = run("git", "status", "--porcelain", "--ignored", cwd=running.folder).stdout
    before = run("git", "status", "--porcelain", cwd=ROOT).stdout
    assert {"!! dist/"} == set(changed.splitlines()) - set(before.splitlines())
    modes = running.in_volumes("stat -c '%U %a' /*-secrets/*").splitlines()
    assert {"root 444"} == set(modes)  # and nobody but the service that reads it mounts the volume


def test_up_again_changes_nothing(running: Project) -> None:
    """The same containers, started when they were, with the same secrets and users."""
    before = fingerprint(running), secret_values(running), running.users()
    began = time.monotonic()
    running.up()
    seconds = time.monotonic() - began
    assert before == (fingerprint(running), secret_values(running), running.users())
    print(f"make up again: {seconds:.1f} s")  # noqa: T201
    assert seconds < 60


def test_killed_database_comes_back(running: Project) -> None:
    """503 while it is away and 200 after; no service restarts, and every user that was acknowledged is there."""
    token = running.token()
    before = fingerprint(running)
    acknowledged: list[str] = []
    statuses: set[int] = set()
    stop = threading.Event()

    def write() -> None:
        for number in count():
            if stop.is_set():
                return
            email = f"written-{number}@example.org"
            body = {"name": "Written", "email": email}
            status = running.request("POST", f"{running.api}/users", token, json=body).status
            statuses.add(status)
            if status == 201:
                acknowledged.append(email)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: len(acknowledged) >= 20)
        docker("kill", before["database"][0])
        wait_for(lambda: running.status(f"{running.api}/readyz") == 503)
        away = running.request("GET", f"{running.api}/users", token)
        assert (503, "application/problem+json") == (away.status, away.headers["Content-Type"])
        assert int(away.headers["Retry-After"]) > 0
        page = running.request("GET", f"{running.web}/users")
        assert 503 == page.status
        assert b"The users are away for a moment" in page.data
        assert [200, 200, 200, 200] == [
            running.status(url)
            for url in (f"{running.api}/livez", f"{running.web}/livez", f"{running.web}/readyz", f"{running.web}/")
        ]
        written = len(acknowledged)
        docker("start", before["database"][0])
        seconds = wait_for(lambda: running.status(f"{running.api}/users", token) == 200)
        wait_for(lambda: running.status(f"{running.web}/users") == 200)
        wait_for(lambda: len(acknowledged) >= written + 20)
    finally:
        stop.set()
        writer.join()
    print(f"PostgreSQL started again: users after {seconds:.1f} s")  # noqa: T201
    assert {201, 503} == statuses
    assert set() == set(acknowledged) - {user["email"] for user in running.users()}
    after = fingerprint(running)
    assert {name: before[name] for name in ("web", "api")} == {name: after[name] for name in ("web", "api")}


def test_down_and_up_keep_the_data(running: Project) -> None:
    """Nothing runs after `make down`; then the users and secrets are as before, and a deleted one stays away."""
    first = running.users()[0]
    assert 204 == running.request("DELETE", f"{running.api}/users/{first['id']}", running.token()).status
    users, values = running.users(), secret_values(running)
    assert 0 == running.make("down").returncode
    assert {} == running.containers()
    assert 0 == running.status(f"{running.web}/")
    running.up()
    assert (users, values) == (running.users(), secret_values(running))
