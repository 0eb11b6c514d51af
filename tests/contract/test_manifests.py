"""Every object that a configuration leads to is what the CRDs, Kubernetes and the operator take, with nothing lost."""

import json
from typing import Any

import kubernetes_validate
import pytest

from components.configuration import parse
from components.manifests.schedule import created_by
from components.vocabulary import DASK_API
from tests.contract import crdschema, limits
from tests.contract.conftest import CONFIGS, FEATURES
from tests.contract.operated import made_of
from tests.contract.rendering import Body, objects, pods, program_objects, targets

# The oldest that the big clouds still run, what the local cluster runs, and the newest that has a schema.
KUBERNETES = ("1.31", "1.34", kubernetes_validate.latest_version())
RICH = "everything that restricted pods can have"

every_configuration = pytest.mark.parametrize("name", CONFIGS)


def dask_objects(name: str) -> list[Body]:
    """The custom resources of a configuration."""
    return [body for body in objects(CONFIGS[name]) if body["apiVersion"] == DASK_API]


def is_core(body: Body) -> bool:
    """Whether Kubernetes itself has a schema for it."""
    group = body["apiVersion"].rpartition("/")[0]
    return "." not in group or (group.endswith(".k8s.io") and group != "gateway.networking.k8s.io")


@pytest.fixture(scope="module")
def registered() -> dict[str, list[Body]]:
    """What the whole program registers, by configuration."""
    return {name: [body for body in made if is_core(body)] for name, made in program_objects(CONFIGS).items()}


def refused(body: Body, version: str) -> str | None:
    """Why Kubernetes would refuse the object, or which field it does not know; None when all is well."""
    try:
        kubernetes_validate.validate(body, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{body['kind']}/{body['metadata']['name']} in {version}: {error.json_path}: {error.message[:300]}"
    return None


class TestCustomResources:
    @every_configuration
    def test_no_field_is_refused_or_pruned_by_the_crds(self, name: str) -> None:
        bodies = dask_objects(name)

        found = [violation for body in bodies for violation in crdschema.violations(body)]

        assert bodies
        assert found == []

    def test_the_features_reach_every_kind_that_has_a_crd(self) -> None:
        kinds = {body["kind"] for name in FEATURES for body in dask_objects(name)}

        assert kinds == {"DaskCluster", "DaskWorkerGroup", "DaskJob"}

    @pytest.mark.parametrize(
        ("where", "field", "value"),
        [
            ("pod", "hostUsers", False),  # Kubernetes 1.25; the CRDs are older
            ("pod", "terminationGracePeriodSeconds", "30"),
            ("container", "resizePolicy", []),
            ("container", "resources", {"limits": {"memory": {"value": 1}}}),
        ],
    )
    def test_a_field_that_would_be_lost_or_refused_is_noticed(self, where: str, field: str, value: Any) -> None:
        [body] = [body for body in dask_objects("Pulumi.dev.yaml") if body["kind"] == "DaskCluster"]
        pod = body["spec"]["worker"]["spec"]
        (pod if where == "pod" else pod["containers"][0])[field] = value

        found = crdschema.violations(body)

        assert len(found) == 1
        assert found[0].startswith("DaskCluster.spec.worker.spec")


class TestKubernetes:
    @pytest.mark.parametrize("version", KUBERNETES)
    def test_every_object_of_the_program_is_valid(self, registered: dict[str, list[Body]], version: str) -> None:
        found = [refused(body, version) for bodies in registered.values() for body in bodies]

        assert [violation for violation in found if violation] == []

    def test_the_program_leads_to_all_kinds_that_it_knows(self, registered: dict[str, list[Body]]) -> None:
        kinds = {body["kind"] for bodies in registered.values() for body in bodies}

        assert kinds >= {
            *("Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "Secret", "Role", "RoleBinding"),
            *("Service", "Job", "ConfigMap", "PodDisruptionBudget", "ServiceAccount", "Deployment"),
        }

    @every_configuration
    def test_names_labels_and_ports_keep_the_limits(self, registered: dict[str, list[Body]], name: str) -> None:
        ours = [*registered[name], *dask_objects(name)]
        operated = [made for body in ours for made in made_of(body)]

        found = [text for body in [*ours, *operated] for text in limits.violations(body)]

        assert found == []

    def test_the_longest_names_that_settings_accept_keep_the_limits(self) -> None:
        tls = {"tls": {"enabled": True}}
        raw: Body = {"clusters": {"c" * 44: tls, "d" * 30: tls | {"workerGroups": {"g" * 14: {}}}}}
        elastic = {"workers": {"minimum": 0, "maximum": 2}}
        raw["clusters"]["e" * 44] = elastic
        raw["jobs"] = {"j" * 44: elastic | {"runner": {"script": "pass"}}}

        bodies = objects(raw)
        bodies += [made for body in bodies if body["apiVersion"] == DASK_API for made in made_of(body)]

        assert [text for body in bodies for text in limits.violations(body)] == []

    def test_the_runs_of_the_longest_name_that_settings_accept_keep_the_limits(self) -> None:
        name = "j" * 42
        elastic = {"workers": {"minimum": 0, "maximum": 2}}
        raw = {"jobs": {name: elastic | {"schedule": "@daily", "runner": {"script": "pass"}}}}
        [cron_job] = [body for body in objects(raw) if body["kind"] == "CronJob"]
        created = created_by(cron_job)

        def attempt(name: str) -> list[Body]:
            made = json.loads(json.dumps(created).replace(created[0]["metadata"]["name"], name))
            return [*made, *made_of(made[0])]

        found = [text for it in attempt(f"{name}-29400480-0") for text in limits.violations(it)]
        assert [*limits.violations(cron_job), *found] == []
        assert len(name) <= 52  # the API server's limit for a CronJob
        assert [text for it in attempt(f"{name}j-29400480-0") for text in limits.violations(it)]

    def test_a_name_beyond_the_limits_is_noticed(self) -> None:
        service = {"kind": "Service", "metadata": {"name": "s" * 64}, "spec": {}}

        assert limits.violations(service) == [f"Service/{'s' * 64}: the name has 64 characters or an ill form"]


class TestOperator:
    @every_configuration
    def test_what_the_operator_makes_of_the_objects_is_valid(self, name: str) -> None:
        made = [made for body in dask_objects(name) for made in made_of(body)]

        found = [refused(body, version) for body in made for version in KUBERNETES]

        assert [violation for violation in found if violation] == []

    def test_the_labels_that_go_into_selectors_are_the_same_for_every_content(self) -> None:
        """operator-facts 12: a DaskCluster's labels are in its Deployments' selectors, which never change."""
        small, rich = {"image": "ghcr.io/dask/dask:2026.8.0-py3.11"}, FEATURES[RICH]["clusters"]["lab"]

        labels = [
            [body["metadata"]["labels"] for body in objects({"clusters": {"lab": cluster}, "secrets": {"lake": {}}})]
            for cluster in (small, {key: rich[key] for key in rich if key != "monitors"})
        ]

        assert all(item == labels[0][0] for one in labels for item in one)

    @every_configuration
    def test_every_volume_is_mounted_and_every_mount_has_a_volume(self, name: str) -> None:
        """operator-facts 18: a hostPath volume that is declared and mounted nowhere does nothing, silently."""
        for body in objects(CONFIGS[name]):
            for path, pod in pods(body):
                volumes = {volume["name"] for volume in pod.get("volumes", [])}
                mounts = {mount["name"] for box in pod["containers"] for mount in box.get("volumeMounts", [])}

                assert mounts == volumes, path

    @every_configuration
    def test_the_operators_service_has_the_port_names_that_scale_down_needs(self, name: str) -> None:
        """operator-facts 3; `tcp-comm` only where the operator has to speak to the scheduler (dask-kubernetes #914)."""
        for target in targets(parse(CONFIGS[name])):
            settings = target.settings
            # A cluster that the operator could have autoscaled keeps its Service, and so its name.
            speaks = settings.workers.autoscaled and not (settings.worker_groups or settings.tls.enabled)

            service = target.dask_cluster["spec"]["scheduler"]["service"]

            ports = {port["name"] for port in service["ports"]}
            assert ports == {"tcp-comm" if speaks else "comm", "http-dashboard"}

    @every_configuration
    def test_every_service_leads_to_a_named_port_of_the_scheduler(self, name: str) -> None:
        for target in targets(parse(CONFIGS[name])):
            cluster = target.dask_cluster
            [box] = cluster["spec"]["scheduler"]["spec"]["containers"]
            named = {port["name"]: port["containerPort"] for port in box["ports"]}

            ours, theirs = target.endpoint, cluster["spec"]["scheduler"]["service"]

            for service in (ours["spec"], theirs):
                assert {port["targetPort"] for port in service["ports"]} <= set(named)
            assert all(port["port"] == named[port["targetPort"]] for port in ours["spec"]["ports"])
            assert "dask.org/component" not in ours["metadata"]["labels"]
            [deployment, *_] = made_of(cluster)
            leads_here = (
                ours["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
            )
            assert leads_here != target.settings.suspended
