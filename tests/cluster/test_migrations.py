"""Migrations come before the new code, once, and what goes wrong leaves the old pods serving."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kube import ROOT, Namespace, eventually, postgres
from tests.cluster.release import Release, Shell, Values, asked_all_along, runbook

DATABASE: Values = {"api": {"replicas": 3, "database": {"existingSecret": "database"}}, "web": {"replicas": 1}}
FOLDER = ROOT / "apps" / "api" / "users" / "migrations"
MIGRATION = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("users", "{previous}")]
    operations = [migrations.RunSQL({sql!r})]
"""


@pytest.fixture(scope="module")
def release(shared_namespace: Namespace, app_images: dict[str, str]) -> Release:
    """Three api replicas on a PostgreSQL of one's own; the tests here share it."""
    shared_namespace.start(postgres("database"))
    shared_namespace.kubectl("expose", "pod", "database", "--port", "5432")
    for name, host in (("database", "database"), ("elsewhere", "nowhere")):
        address = f"postgresql://postgres:test@{host}:5432/postgres"
        shared_namespace.kubectl("create", "secret", "generic", name, f"--from-literal=DATABASE_URL={address}")
    made = Release(shared_namespace)
    made.install(DATABASE)
    return made


def with_migration(namespace: Namespace, name: str, sql: str) -> Values:
    """Values under which api's code has one more migration, as a newer image would."""
    previous = max(path.stem for path in FOLDER.glob("0*.py"))
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"migration.py": MIGRATION.format(previous=previous, sql=sql)},
    }
    namespace.create(manifest)
    mount = {
        "name": "more",
        "subPath": "migration.py",
        "mountPath": f"/tandem/apps/api/users/migrations/9000_{name}.py",
    }
    return with_api(
        extraVolumes=[{"name": "more", "configMap": {"name": name}}],
        extraVolumeMounts=[mount],
    )


def with_api(**more: Any) -> Values:
    return DATABASE | {"api": DATABASE["api"] | more}


def sql(namespace: Namespace, statement: str) -> str:
    return namespace.kubectl("exec", "database", "--", "psql", "-h127.0.0.1", "-Upostgres", "-Atc", statement).strip()


def serving(release: Release) -> set[str]:
    """The api pods that are ready, by uid."""
    return {
        pod.metadata.uid
        for pod in release.pods("api")
        for condition in pod.status.conditions
        if (condition.type, condition.status) == ("Ready", "True")
    }


def fails(release: Release, values: Values, image: str) -> None:
    """An upgrade to these values fails within its timeout, while the old pods answer all along and stay."""
    before = serving(release)
    assert 3 == len(before)
    with (
        asked_all_along(release.namespace, image, "http://demo-web:5000/users"),
        pytest.raises(AssertionError, match="UPGRADE FAILED"),
    ):
        release.upgrade(values, timeout="15s")
    assert before == serving(release)


def newest(release: Release) -> Any:
    return max(release.pods("api"), key=lambda pod: pod.metadata.creation_timestamp)


def migrate_message(release: Release) -> str:
    """What the newest pod's status says of its migration."""

    def message() -> str:
        (status,) = newest(release).status.init_container_statuses
        ended = status.state.terminated or status.last_state.terminated
        return str(ended.message or "") if ended else ""

    return eventually("the migration's message", message, 30)


def test_three_replicas_run_a_slow_migration_once(release: Release) -> None:
    """The first to come takes the lock and works; the others wait for it, and all end ready."""
    release.namespace.kubectl("scale", "deployment/demo-api", "--replicas", "0")
    eventually("no pod", lambda: not release.pods("api"))
    statement = "SELECT pg_sleep(6); CREATE TABLE slow (n int); INSERT INTO slow VALUES (1);"
    values = with_migration(release.namespace, "slow", statement)

    release.helm(
        "upgrade", "demo", str(release.chart), "--set-json", json.dumps(values),
        "--wait", "--timeout", "90s", "--force-conflicts",
    )  # fmt: skip

    assert "1" == sql(release.namespace, "SELECT count(*) FROM slow")
    assert "1" == sql(release.namespace, "SELECT count(*) FROM django_migrations WHERE name = '9000_slow'")
    logs = [release.namespace.kubectl("logs", pod.metadata.name, "-c", "migrate") for pod in release.pods("api")]
    assert 3 == len(logs)
    assert 1 == sum("Applying users.9000_slow... OK" in log for log in logs)
    assert 2 == sum("Another migration is running; waiting for it." in log for log in logs)


def test_a_failing_migration_leaves_the_old_pods_serving(
    release: Release, app_images: dict[str, str], tmp_path: Path
) -> None:
    """Its message is in the pod's status, where the runbook's line shows it."""
    # Old and new pods alike have the migration of the test before.
    sql(release.namespace, "DROP TABLE IF EXISTS slow")
    sql(release.namespace, "DELETE FROM django_migrations WHERE name = '9000_slow'")
    release.upgrade(DATABASE)

    fails(
        release, with_migration(release.namespace, "broken", "SELECT missing_column FROM users_user"), app_images["web"]
    )

    assert 'column "missing_column" does not exist' in migrate_message(release)
    described = Shell(release.namespace, tmp_path).run(runbook("Upgrade", 2))
    assert 'column "missing_column" does not exist' in described


def test_a_missing_secret_is_named_and_the_old_pods_serve(release: Release, app_images: dict[str, str]) -> None:
    """The pod's own state names the Secret, as `kubectl describe pod` shows it."""
    fails(release, with_api(secretKey={"existingSecret": "absent"}), app_images["web"])

    waiting = newest(release).status.init_container_statuses[0].state.waiting
    assert ("CreateContainerConfigError", 'secret "absent" not found') == (waiting.reason, waiting.message)


def test_a_wrong_database_address_is_named_and_the_old_pods_serve(release: Release, app_images: dict[str, str]) -> None:
    """The init container's message names the host; no password is in it."""
    fails(release, with_api(database={"existingSecret": "elsewhere"}), app_images["web"])

    message = migrate_message(release)
    assert "nowhere:5432/postgres does not answer" in message
    assert "test" not in message


def test_the_next_upgrade_mends_it(release: Release) -> None:
    """After all the upgrades that failed, one with a good migration goes through."""
    release.upgrade(with_migration(release.namespace, "mended", "SELECT 1"))

    assert 3 == len(serving(release))
    assert "1" == sql(release.namespace, "SELECT count(*) FROM django_migrations WHERE name = '9000_mended'")
