"""What a team does to its own release, on purpose or not: delete, upgrade, roll back, get it wrong, rotate."""

import pytest

from tests.cluster.kube import eventually
from tests.cluster.release import Shell, ready, runbook
from tests.faults.client import MIX
from tests.faults.stage import SERVICES, Stage, derived_image

ROLLOUTS = 10
ROLLED_OUT_WITHIN = 10.0  # seconds


def test_fault_1_graceful_deletion_of_a_pod(stage: Stage) -> None:
    """A: a pod of each service is deleted, and nobody notices."""
    with stage.load() as run:
        for service in SERVICES:
            name = stage.release.pods(service)[0].metadata.name
            run.mark(f"{service} pod deleted")
            stage.namespace.core.delete_namespaced_pod(name, stage.namespace.name)
            eventually(f"{service} is whole", stage.replaced(service, name), 60)
            run.rest(10)  # the old pod lives on for its preStop and what is in flight
    stage.no_failure(1, "graceful deletion of a pod of each service", run)


@pytest.mark.thorough
def test_fault_2_forced_deletion_of_a_pod(stage: Stage) -> None:
    """B: only what the killed pod had in flight, or was sent to it before the nodes knew, goes without an answer."""
    with stage.load() as run:
        killed = []
        for service in SERVICES:
            name = stage.release.pods(service)[0].metadata.name
            killed.append(run.mark(f"{service} pod killed"))
            stage.namespace.core.delete_namespaced_pod(name, stage.namespace.name, grace_period_seconds=0)
            eventually(f"{service} is whole", stage.replaced(service, name), 60)
            run.rest(5)
    stage.report(2, "forced deletion of a pod of each service", run)
    bad = [entry for entry in run.ledger.failed if not any(0 <= entry.done - moment <= 3 for moment in killed)]
    assert [] == bad, "failures outside 3 s after each kill"


def test_fault_4_rolling_upgrades_and_rollback(stage: Stage, shell: Shell) -> None:
    """A: ten upgrades of both services, then a rollback, under 200 requests/s; each rolled out within 10 s."""
    seconds = []
    with stage.load(seconds=600) as run:
        for number in range(1, ROLLOUTS + 1):
            run.mark(f"upgrade {number}")
            seconds.append(stage.roll(number))
            # The old pods leave: a next upgrade beside them would find the nodes fuller than a real one does.
            run.rest(max(0, 24 - seconds[-1]))
        run.mark("rollback")
        shell.run(runbook("Roll back"))
        run.rest(12)
    took = ", ".join(f"{each:.1f}" for each in seconds)
    stage.no_failure(4, "ten rolling upgrades of both services, and a rollback", run, **{"rolled out, s": took})
    assert len(run.ledger) >= 50_000
    assert max(seconds) <= ROLLED_OUT_WITHIN, took


def crashing(service: str, image: str) -> dict[str, str]:
    """An image of the service that ends at its start with a sentence."""
    ends = "raise SystemExit('broken on purpose')"
    return derived_image(service, image, "crash", f'ENTRYPOINT ["/tandem/.venv/bin/python", "-c", "{ends}"]')


def test_fault_5_images_that_do_not_work(stage: Stage, app_images: dict[str, str], shell: Shell) -> None:
    """C: an image that does not exist, then one that crashes: the old version goes on serving, untouched."""
    broken = {service: {"image": crashing(service, app_images[service])} for service in SERVICES}
    before = stage.release.pod_ids()
    with stage.load() as run:
        run.mark("image that does not exist")
        missing = {service: {"image": {"tag": "never-built"}} for service in SERVICES}
        stage.refused_upgrade(missing, 15)
        shell.run("helm rollback demo --wait")
        run.mark("image that crashes")
        stage.refused_upgrade(broken, 20)
        stage.says("web", "web", "broken on purpose")
        shell.run("helm rollback demo --wait")
        run.rest(3)
    assert before == stage.release.pod_ids()
    stage.no_failure(5, "image that does not exist; image that crashes", run)


MIGRATION = """
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]
    operations = [migrations.RunSQL({sql!r}, migrations.RunSQL.noop)]
"""


def migrating(image: str, name: str, sql: str) -> dict[str, str]:
    """An image of api that brings one more migration."""
    path = f"/tandem/apps/api/users/migrations/0099_{name}.py"
    return derived_image("api", image, name, f"COPY <<EOF {path}\n{MIGRATION.format(sql=sql)}\nEOF")


def test_fault_6_missing_and_bad_configuration(stage: Stage, app_images: dict[str, str], shell: Shell) -> None:
    """C: the message names what is wrong, the old pods serve on, and after a failing migration a good one runs."""
    failing = migrating(app_images["api"], "failing", "ALTER TABLE no_such_table ADD COLUMN nickname text")
    good = migrating(app_images["api"], "good", "ALTER TABLE users_user ADD COLUMN nickname text NULL")
    before = stage.release.pod_ids()
    revision = stage.release.revision()
    with stage.load() as run:
        run.mark("missing secret")
        stage.refused_upgrade({"web": {"secretKey": {"existingSecret": "not-there"}}}, 12)
        stage.says("web", "web", 'secret "not-there" not found')
        shell.run("helm rollback demo --wait")
        run.mark("bad value")
        stage.refused_upgrade({"web": {"extraEnv": [{"name": "WEB_CONCURRENCY", "value": "many"}]}}, 15)
        stage.says("web", "web", "WEB_CONCURRENCY")
        shell.run("helm rollback demo --wait")
        run.mark("failing migration")
        stage.refused_upgrade({"api": {"image": failing}}, 20)
        stage.says("api", "migrate", "no_such_table")
        assert before == {identity for identity in stage.release.pod_ids() if identity in before}
        run.mark("good migration")
        stage.upgrade({"api": {"image": good}})
        run.rest(10)
        run.mark("rollback")
        shell.run(f"helm rollback demo {revision} --wait")
        run.rest(8)
    stage.no_failure(6, "missing secret; bad value; failing migration, then a good one", run)


@pytest.mark.thorough
def test_fault_14_migrations_at_once_and_old_code_on_the_new_schema(stage: Stage, app_images: dict[str, str]) -> None:
    """A: four pods start the same slow migration at once, old pods write and read meanwhile; it runs once."""
    slow = migrating(
        app_images["api"],
        "slow",
        "SELECT pg_sleep(4); ALTER TABLE users_user ADD COLUMN motto text NOT NULL DEFAULT ''",
    )
    with stage.load() as run:
        run.mark("four pods migrate")
        stage.upgrade({"api": {"image": slow, "maxSurge": 4, "replicas": 4}})
        run.rest(8)
        waited = [
            stage.namespace.core.read_namespaced_pod_log(pod.metadata.name, stage.namespace.name, container="migrate")
            for pod in stage.release.pods("api")
        ]
        run.mark("old code on the new schema")
        stage.upgrade()
        run.rest(10)
    assert 1 == sum("Applying users.0099_slow" in log for log in waited), waited
    assert 4 == len(waited)
    stage.no_failure(14, "four migrations at once; old code on the new schema", run)


# The last step of a rotation is the end of what was known before: such clients have to be gone by then.
TO_THE_LAST = {
    "Rotate the API token": ("web hello", "web list", "web create"),
    "Rotate a secret key": tuple(what for what in MIX if what != "web create"),
    "Rotate the database password": MIX,
}


@pytest.mark.thorough
@pytest.mark.parametrize("heading", TO_THE_LAST)
def test_fault_17_rotation(stage: Stage, shell: Shell, heading: str) -> None:
    """A: the runbook's own lines, while forms and tokens of before are in use for as long as the runbook lets them."""
    script = runbook(heading)
    steps, last = script, ""
    if "database" not in heading:
        steps, _, last = script.strip().rpartition("\n")
        last = f"{script.partition(chr(10) * 2)[0]}\nnew=$(cat new)\n{last}"
    with stage.load() as run:
        run.mark("all steps but the last" if last else "all steps")
        shell.run(f"{steps}\nprintf %s $new > new")
        run.rest(10)
    name = heading.rpartition(" ")[2]
    stage.no_failure(f"17-{name}", f"{heading}, with what was known before", run)
    if last:
        with stage.load(mix=TO_THE_LAST[heading]) as run:
            run.mark("the last step")
            shell.run(last)
            run.rest(10)
        stage.no_failure(f"17-{name}-last", f"{heading}, the last step", run)


def test_all_are_served_again(stage: Stage) -> None:
    """After all of it both services have their replicas, and nothing was restarted for it."""
    assert [2, 2] == [ready(stage.release, service) for service in SERVICES]
