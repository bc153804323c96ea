"""Promises that every object of every scenario keeps. Each sweep first makes sure that it found something."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.charts.rendering import SCENARIOS, Manifest, containers, env, of_kind, pods, scenario

PORTS = {"web": {"http": 5000, "metrics": 9000}, "api": {"http": 5001, "metrics": 9001}}
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


@pytest.fixture(params=SCENARIOS, ids=str)
def manifests(request: pytest.FixtureRequest) -> tuple[Manifest, ...]:
    return scenario(request.param)


def service_pods(manifests: tuple[Manifest, ...]) -> list[tuple[str, Manifest]]:
    return [(name, pod) for name, pod in pods(manifests) if name.startswith("Deployment")]


def workloads(manifests: tuple[Manifest, ...]) -> list[Manifest]:
    return of_kind(manifests, "Deployment", "StatefulSet")


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_pods_pass_pod_security_restricted(manifests: tuple[Manifest, ...]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a read-only root."""
    found = list(containers(manifests))
    assert found
    for name, container, pod in found:
        spec = pod["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert not [port for port in container.get("ports", []) if "hostPort" in port], name
        assert {key for volume in spec.get("volumes", []) for key in volume if key != "name"} <= RESTRICTED_VOLUMES, (
            name
        )


def test_no_pod_holds_a_token_of_the_cluster(manifests: tuple[Manifest, ...]) -> None:
    """Nothing here calls the cluster's API, so nothing that breaks into a pod can either."""
    found = list(pods(manifests))
    assert found
    assert [] == [name for name, pod in found if pod["spec"]["automountServiceAccountToken"] is not False]
    assert [] == [name for name, pod in found if pod["spec"]["enableServiceLinks"] is not False]
    accounts = of_kind(manifests, "ServiceAccount")
    assert accounts
    assert [] == [account for account in accounts if account["automountServiceAccountToken"] is not False]
    named = {pod["spec"]["serviceAccountName"] for _, pod in service_pods(manifests)}
    assert {account["metadata"]["name"] for account in accounts} == named


def test_every_container_says_what_it_needs(manifests: tuple[Manifest, ...]) -> None:
    """Requests for the scheduler, a memory limit for the neighbours, a fixed image that is pulled where missing."""
    found = list(containers(manifests))
    assert found
    for name, container, _ in found:
        assert {"cpu", "memory"} == container["resources"]["requests"].keys(), name
        assert {"memory"} == container["resources"]["limits"].keys(), name
        assert "IfNotPresent" == container["imagePullPolicy"], name
        tag = container["image"].rpartition(":")[2]
        assert tag not in ("", "latest"), name
        assert "FallbackToLogsOnError" == container.get("terminationMessagePolicy", "FallbackToLogsOnError"), name


def test_services_are_probed_where_they_answer(manifests: tuple[Manifest, ...]) -> None:
    """Alive and ready are different questions, and both go to a port that the container has."""
    found = service_pods(manifests)
    assert found
    for name, pod in found:
        (container,) = pod["spec"]["containers"]
        names = {port["name"] for port in container["ports"]}
        wanted = {
            "startupProbe": ("/livez", "http"),
            "livenessProbe": ("/livez", "metrics"),  # where slow clients cannot keep it waiting
            "readinessProbe": ("/readyz", "http"),
        }
        for probe, (path, port) in wanted.items():
            assert {"path": path, "port": port} == container[probe]["httpGet"], (name, probe)
            assert container[probe]["httpGet"]["port"] in names
        assert container["readinessProbe"]["periodSeconds"] == 1, name
        # A pod is ended for a dead process, never for one busy moment.
        assert container["livenessProbe"]["periodSeconds"] * container["livenessProbe"]["failureThreshold"] >= 30, name


def test_a_name_is_looked_up_within_the_time_of_a_request(manifests: tuple[Manifest, ...]) -> None:
    """No timeout in the services ends a lookup: the resolver has to, before web's time for a call to api is over."""
    found = service_pods(manifests)
    assert found
    for name, pod in found:
        options = {option["name"]: int(option["value"]) for option in pod["spec"]["dnsConfig"]["options"]}
        assert options["timeout"] * options["attempts"] < 3, name


def test_a_stopping_pod_has_time_for_what_is_in_flight(manifests: tuple[Manifest, ...]) -> None:
    """5 s until every node has taken it out, gunicorn's 20 s, and some to spare."""
    found = service_pods(manifests)
    assert found
    for name, pod in found:
        (container,) = pod["spec"]["containers"]
        assert {"preStop": {"sleep": {"seconds": 5}}} == container["lifecycle"], name
        assert 30 == pod["spec"]["terminationGracePeriodSeconds"], name


def test_every_object_says_whose_it_is(manifests: tuple[Manifest, ...]) -> None:
    """The recommended labels, a name that DNS takes, and the release's namespace."""
    assert manifests
    for manifest in manifests:
        metadata = manifest["metadata"]
        labels = metadata["labels"]
        wanted = {"name", "instance", "component", "part-of", "version", "managed-by"}
        assert {f"app.kubernetes.io/{label}" for label in wanted} | {"helm.sh/chart"} <= labels.keys(), metadata["name"]
        assert ("tandem", "Helm", "demo") == tuple(
            labels[f"app.kubernetes.io/{label}"] for label in ("part-of", "managed-by", "instance")
        )
        assert "default" == metadata["namespace"]
        assert metadata["name"].startswith("demo-")
        assert len(metadata["name"]) <= 63
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]
    assert sorted(set(names)) == sorted(names)


def test_every_selector_selects_one_workload(manifests: tuple[Manifest, ...]) -> None:
    """A Service, budget or policy that matches no pod is silent in a cluster, and one that matches two is worse."""
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(manifests)}
    found = 0
    for kind, name, selector in selectors(manifests):
        found += 1
        matched = [pod for pod, its in labels.items() if selects(selector, its)]
        assert 1 == len(matched), (kind, name, matched)
    assert found >= len(workloads(manifests)) * 2


def selectors(manifests: tuple[Manifest, ...]) -> Iterator[tuple[str, str, dict[str, str]]]:
    for manifest in manifests:
        spec = manifest.get("spec", {})
        where: Any = {
            "Service": spec.get("selector"),
            "Deployment": spec.get("selector", {}).get("matchLabels"),
            "StatefulSet": spec.get("selector", {}).get("matchLabels"),
            "PodDisruptionBudget": spec.get("selector", {}).get("matchLabels"),
            "NetworkPolicy": spec.get("podSelector", {}).get("matchLabels"),
        }.get(manifest["kind"])
        if where is not None:
            yield manifest["kind"], manifest["metadata"]["name"], where


def test_selectors_never_change(manifests: tuple[Manifest, ...]) -> None:
    """A Deployment's selector is immutable: were one to change, no upgrade from an older chart would go through."""
    found = of_kind(manifests, "Deployment")
    assert found
    for each in found:
        service = each["metadata"]["name"].removeprefix("demo-")
        wanted = {"app.kubernetes.io/name": service, "app.kubernetes.io/instance": "demo"}
        assert wanted == each["spec"]["selector"]["matchLabels"]


def test_ports_agree_from_container_to_policy(manifests: tuple[Manifest, ...]) -> None:
    """Container, variable, Service and policy name the contract's ports, and the Service not the metrics one."""
    found = service_pods(manifests)
    assert found
    for name, pod in found:
        service = pod["metadata"]["labels"]["app.kubernetes.io/name"]
        (container,) = pod["spec"]["containers"]
        wanted = PORTS[service]
        assert wanted == {port["name"]: port["containerPort"] for port in container["ports"]}, name
        assert (str(wanted["http"]), str(wanted["metrics"])) == (env(container)["PORT"], env(container)["METRICS_PORT"])
        (main,) = [each for each in of_kind(manifests, "Service") if each["metadata"]["name"] == f"demo-{service}"]
        (port,) = main["spec"]["ports"]
        assert ("http", wanted["http"], "http") == (port["name"], port["port"], port["targetPort"])
        (policy,) = [
            each for each in of_kind(manifests, "NetworkPolicy") if each["metadata"]["name"] == f"demo-{service}"
        ]
        assert [wanted["http"], wanted["metrics"]] == [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]]


def test_metrics_stay_inside(manifests: tuple[Manifest, ...]) -> None:
    """The metrics' Service is headless, and is there exactly where something scrapes it."""
    services = of_kind(manifests, "Service")
    assert services
    monitors = {monitor["metadata"]["name"] for monitor in of_kind(manifests, "ServiceMonitor")}
    metrics = [each for each in services if each["metadata"]["name"].endswith("-metrics")]
    assert {f"{name}-metrics" for name in monitors} == {each["metadata"]["name"] for each in metrics}
    assert [] == [each for each in metrics if each["spec"]["clusterIP"] != "None"]


def test_every_secret_that_is_named_is_there_or_the_installers(manifests: tuple[Manifest, ...]) -> None:
    """A reference goes to a key of a Secret that the chart makes, or to one that the values name; none is optional."""
    made = {secret["metadata"]["name"]: secret["data"].keys() for secret in of_kind(manifests, "Secret")}
    given = {"tandem-web-secrets", "tandem-api-secrets", "database", "demo-api"} - made.keys()
    found = 0
    for name, container, _ in containers(manifests):
        for entry in container.get("env", []):
            if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                found += 1
                assert not reference.get("optional"), name
                if reference["name"] in made:
                    assert reference["key"] in made[reference["name"]], (name, reference)
                else:
                    assert reference["name"] in given, (name, reference)
            else:
                assert entry["name"] not in ("API_TOKEN", "SECRET_KEY", "POSTGRES_PASSWORD"), name
    assert found


def test_every_volume_is_there_and_used(manifests: tuple[Manifest, ...]) -> None:
    """A mount names a volume of its pod, a volume is mounted, and a claim is one that the chart makes."""
    claims = {claim["metadata"]["name"] for claim in of_kind(manifests, "PersistentVolumeClaim")}
    templates = {
        claim["metadata"]["name"]
        for each in of_kind(manifests, "StatefulSet")
        for claim in each["spec"]["volumeClaimTemplates"]
    }
    found = list(pods(manifests))
    assert found
    for name, pod in found:
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        if name.startswith("StatefulSet"):
            volumes |= templates
        inside = pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
        mounted = {mount["name"] for container in inside for mount in container["volumeMounts"]}
        assert volumes == mounted, name
        for volume in pod["spec"]["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                assert claim["claimName"] in claims, name
            if memory := volume.get("emptyDir"):
                assert memory["sizeLimit"], name


def test_what_must_survive_an_uninstall_is_kept(manifests: tuple[Manifest, ...]) -> None:
    """The users and the secrets outlive the release; nothing else does."""
    assert manifests
    for manifest in manifests:
        policy = manifest["metadata"].get("annotations", {}).get("helm.sh/resource-policy")
        wanted = "keep" if manifest["kind"] in ("Secret", "PersistentVolumeClaim") else None
        assert wanted == policy, manifest["metadata"]["name"]


def test_migrations_come_before_api_and_with_its_environment(manifests: tuple[Manifest, ...]) -> None:
    """The init container has the pod's own image and settings, and its message reaches the pod's status."""
    deployments = of_kind(manifests, "Deployment")
    assert deployments
    for each in deployments:
        spec = each["spec"]["template"]["spec"]
        if each["metadata"]["name"] == "demo-web":
            assert "initContainers" not in spec
            continue
        (migrate,), (container,) = spec["initContainers"], spec["containers"]
        assert ["migrate"] == migrate["args"]
        assert "FallbackToLogsOnError" == migrate["terminationMessagePolicy"]
        for key in ("image", "env", "volumeMounts", "resources"):
            assert container[key] == migrate[key], key


def test_a_rollout_takes_no_replica_away(manifests: tuple[Manifest, ...]) -> None:
    """Surge first, then stop; only SQLite's one pod must go before the next may come."""
    deployments = of_kind(manifests, "Deployment")
    assert deployments
    for each in deployments:
        (container,) = each["spec"]["template"]["spec"]["containers"]
        if env(container).get("DATABASE_URL", "").startswith("sqlite:"):
            assert {"type": "Recreate"} == each["spec"]["strategy"]
            assert 1 == each["spec"]["replicas"]
        else:
            assert 0 == each["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"]


def test_budgets_and_autoscalers_fit_their_deployments(manifests: tuple[Manifest, ...]) -> None:
    """A budget of one pod away above one replica only; an autoscaler, where on, is the one that sets the number."""
    deployments = {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests, "Deployment")}
    assert deployments
    scalers = {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests, "HorizontalPodAutoscaler")}
    budgets = {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests, "PodDisruptionBudget")}
    for name, spec in deployments.items():
        assert (name in scalers) == ("replicas" not in spec)
        assert (name in budgets) == (name in scalers or spec["replicas"] > 1)
    for name, scaler in scalers.items():
        assert {"apiVersion": "apps/v1", "kind": "Deployment", "name": name} == scaler["scaleTargetRef"]
    assert [] == [name for name, budget in budgets.items() if budget["maxUnavailable"] != 1]


def test_routes_lead_to_the_service_and_are_allowed_hosts(manifests: tuple[Manifest, ...]) -> None:
    """A host that a route sends here is one that the service answers to; "*.x" is spelled ".x" in ALLOWED_HOSTS."""
    services = {each["metadata"]["name"]: each["spec"]["ports"][0] for each in of_kind(manifests, "Service")}
    assert services
    allowed = {
        each["metadata"]["name"]: env(each["spec"]["template"]["spec"]["containers"][0])["ALLOWED_HOSTS"].split(",")
        for each in of_kind(manifests, "Deployment")
    }
    for name, hosts in allowed.items():
        assert ["localhost", "127.0.0.1", "[::1]", name, f"{name}.default", f"{name}.default.svc"] == hosts[:6]
    for route in of_kind(manifests, "Ingress"):
        for rule in route["spec"]["rules"]:
            (path,) = rule["http"]["paths"]
            service = path["backend"]["service"]
            assert services[service["name"]]["name"] == service["port"]["name"]
            assert rule["host"] in allowed[service["name"]]
    for route in of_kind(manifests, "HTTPRoute"):
        (reference,) = route["spec"]["rules"][0]["backendRefs"]
        assert services[reference["name"]]["port"] == reference["port"]
        assert {host.removeprefix("*") for host in route["spec"]["hostnames"]} <= set(allowed[reference["name"]])


def test_every_pod_has_a_policy_that_denies_the_rest(manifests: tuple[Manifest, ...]) -> None:
    """Both directions are closed for every pod; api lets in what belongs to Tandem, web anyone unless narrowed."""
    policies = of_kind(manifests, "NetworkPolicy")
    assert policies
    for name, pod in pods(manifests):
        mine = [
            each for each in policies if selects(each["spec"]["podSelector"]["matchLabels"], pod["metadata"]["labels"])
        ]
        assert 1 == len(mine), name
        assert ["Ingress", "Egress"] == mine[0]["spec"]["policyTypes"], name
    clients = [
        peer["podSelector"]["matchExpressions"][0]["values"]
        for each in policies
        if each["metadata"]["name"] == "demo-api"
        for peer in each["spec"]["ingress"][0]["from"]
        if "matchExpressions" in peer.get("podSelector", {})
    ]
    assert [["web", "test", "verify"]] * len(clients) == clients
