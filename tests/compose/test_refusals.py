"""What `make up` says where it cannot go on: one sentence that names the cause, a non-zero exit, no data touched."""

import socket
from pathlib import Path

import pytest

from tests.compose.conftest import Project


@pytest.mark.parametrize(("variable", "service"), [("WEB_PORT", "web"), ("API_PORT", "api")])
def test_taken_port(fresh: Project, variable: str, service: str) -> None:
    """It names the port, and how to choose another."""
    with socket.create_server(("127.0.0.1", int(fresh.environment[variable]))) as server:
        port = server.getsockname()[1]
        assert (
            f"port {port} on 127.0.0.1 is taken: stop what listens there, or choose another for {service}: "
            f"make up {variable}=5050"
        ) == fresh.refusal()
    assert {} == fresh.containers()


def test_impossible_port(fresh: Project) -> None:
    """It names the variable and the range."""
    assert "WEB_PORT=70000 is not a port: choose one from 1 to 65535" == fresh.refusal(WEB_PORT="70000")
    assert {} == fresh.containers()


def test_engine_not_running(fresh: Project, tmp_path: Path) -> None:
    """Each command that needs the engine says how to start it."""
    for target in ("up", "watch", "down", "images"):
        ran = fresh.make(target, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
        assert ran.returncode != 0
        assert "the Docker engine does not answer: start it" in ran.stderr
        assert 2 == len(ran.stderr.splitlines()), ran.stderr


def test_unreadable_ca_bundle(fresh: Project, tmp_path: Path) -> None:
    """The file that is to be a build secret, where it is not there."""
    bundle = tmp_path / "none.pem"
    assert f"the CA bundle {bundle} cannot be read: correct CA_BUNDLE" == fresh.refusal(CA_BUNDLE=str(bundle))
    assert {} == fresh.containers()


BROKEN_SECRETS = [
    pytest.param(
        "echo nonsense > /api-secrets/database_url",
        "migrate could not start: DATABASE_URL cannot be used: it has to look like sqlite:////data/users.db or "
        "postgresql://user:password@host:5432/name.",
        id="DATABASE_URL no URL",
    ),
    pytest.param(
        "sed -i s/@database:/@nowhere:/ /api-secrets/database_url",
        "migrate could not start: CommandError: The database nowhere:5432/tandem does not answer: failed to resolve",
        id="DATABASE_URL of no host",
    ),
    pytest.param(
        "sed -i 's/tandem:[0-9a-f]*@/tandem:wrong@/' /api-secrets/database_url",
        'migrate could not start: FATAL:  password authentication failed for user "tandem"',
        id="DATABASE_URL with a wrong password",
    ),
    pytest.param(
        "chmod 0600 /api-secrets/secret_key",
        "migrate could not start: SECRET_KEY_FILE names /run/secrets/secret_key, which cannot be read: ",
        id="secret that the service may not read",
    ),
    pytest.param(
        ": > /api-secrets/api_token",
        "migrate could not start: API_TOKEN_FILE names /run/secrets/api_token, which is empty.",
        id="empty secret",
    ),
    pytest.param(
        "chmod 0 /api-secrets/database_url",
        "secrets could not start: The secrets cannot be kept: /secrets/api/database_url: Permission denied.",
        id="secret that nobody may read",
    ),
]


@pytest.mark.parametrize(("script", "sentence"), BROKEN_SECRETS)
def test_broken_secret(running: Project, script: str, sentence: str) -> None:
    """What runs goes on serving the same users, and with the secret put right `make up` succeeds again."""
    users = running.users()
    running.in_volumes("mkdir -p /web-secrets/.kept && cp -a /api-secrets/* /web-secrets/.kept")
    try:
        running.in_volumes(script)
        assert running.refusal().startswith(sentence)
        assert 200 == running.status(f"{running.web}/users")
    finally:
        running.in_volumes("cp -a /web-secrets/.kept/* /api-secrets/ && rm -r /web-secrets/.kept")
    assert users == running.users()


def test_missing_secret_is_made_again(running: Project) -> None:
    """One that is gone comes back: the same where another service still has it, a new one where nobody does."""
    users = running.users()
    before = running.in_volumes("sha256sum /*-secrets/*").splitlines()
    running.in_volumes("rm /api-secrets/api_token /web-secrets/secret_key")
    running.up()
    after = running.in_volumes("sha256sum /*-secrets/*").splitlines()
    assert ["/web-secrets/secret_key"] == [line.split()[1] for line in after if line not in before]
    assert len(before) == len(after)
    assert users == running.users()


def test_full_database_volume(fresh: Project) -> None:
    """PostgreSQL has no room for a new database."""
    fresh.small_volume("database", "size=20m,uid=999,gid=999")
    sentence = fresh.refusal()
    assert sentence.startswith("database could not start: FATAL:  could not ")
    assert sentence.endswith("No space left on device")


def test_full_secrets_volume(fresh: Project) -> None:
    """No room for the secrets."""
    fresh.small_volume("api-secrets", "nr_inodes=2")
    assert (
        "secrets could not start: The secrets cannot be kept: /secrets/api/api_token.new: No space left on device."
    ) == fresh.refusal()
