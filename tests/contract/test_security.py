"""What the pods may do. Held against every configuration: Pod Security, tokens, probes, resources, images, exposure."""

import json
from typing import Any

import pytest
import yaml

from components.configuration import parse, warnings
from components.manifests.schedule import created_by
from policy.guardrails.podsecurity import violations
from tests.contract.conftest import CONFIGS
from tests.contract.operated import made_of
from tests.contract.rendering import STACKS, Body, objects, pods, program_objects, settings_of

GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "box",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
every_configuration = pytest.mark.parametrize("name", CONFIGS)


def every_pod(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The pods of a configuration: ours, and those in what the operator makes of our objects."""
    bodies = objects(CONFIGS[name])
    bodies += [made for body in bodies for made in made_of(body)]
    return [pod for body in bodies for pod in pods(body)]


class TestPodSecurity:
    @every_configuration
    def test_every_pod_keeps_the_standard_that_its_namespace_enforces(self, name: str) -> None:
        level = parse(CONFIGS[name]).namespace.pod_security

        found = [f"{path}: {text}" for path, pod in every_pod(name) for text in violations(pod, level)]

        assert every_pod(name)
        assert found == []

    @every_configuration
    def test_pods_use_no_more_of_the_node_than_their_configuration_asks_for(self, name: str) -> None:
        asked = "hostPath" in yaml.safe_dump(CONFIGS[name])

        found = {text for _, pod in every_pod(name) for text in violations(pod, "baseline")}

        assert all("hostPath" in text for text in found)
        assert bool(found) == asked

    @pytest.mark.parametrize(
        ("level", "spoil"),
        [
            ("baseline", {"hostNetwork": True}),
            ("baseline", {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
            ("baseline", {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}),
            ("baseline", {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
            ("baseline", {"containers": [{"name": "b", "securityContext": {"privileged": True}}]}),
            ("baseline", {"containers": [{"name": "b", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]}),
            ("baseline", {"containers": [{"name": "b", "ports": [{"name": "p", "hostPort": 80}]}]}),
            ("baseline", {"initContainers": [{"name": "b", "securityContext": {"procMount": "Unmasked"}}]}),
            ("baseline", {"containers": [{"name": "b", "livenessProbe": {"httpGet": {"host": "10.0.0.1"}}}]}),
            ("restricted", {"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]}),
            ("restricted", {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}),
            ("restricted", {"securityContext": {"runAsNonRoot": True}}),
            ("restricted", {"securityContext": GOOD["securityContext"] | {"runAsUser": 0}}),
            ("restricted", {"containers": [{"name": "b", "securityContext": {"capabilities": {"drop": ["ALL"]}}}]}),
            ("restricted", {"containers": [{"name": "b", "securityContext": {"allowPrivilegeEscalation": False}}]}),
        ],
    )
    def test_the_checker_finds_what_a_level_forbids(self, level: Any, spoil: dict[str, Any]) -> None:
        assert violations(GOOD, level) == []

        assert len(violations(GOOD | spoil, level)) == 1

    def test_the_restricted_level_forbids_what_the_baseline_forbids(self) -> None:
        assert (
            violations(GOOD | {"hostPID": True}, "restricted") == violations(GOOD | {"hostPID": True}, "baseline") != []
        )


class TestDaskPods:
    @every_configuration
    def test_no_pod_has_a_token_of_the_kubernetes_api(self, name: str) -> None:
        holding = [pod for _, pod in every_pod(name) if pod.get("automountServiceAccountToken") is not False]

        # These run no code of users, and have accounts of their own.
        assert [pod["containers"][0]["name"] for pod in holding if "serviceAccountName" not in pod] == []
        assert {pod["containers"][0]["name"] for pod in holding} <= {"autoscaler", "schedule"}

    def test_a_schedule_may_start_and_delete_daskjobs_and_read_pods(self) -> None:
        bodies = objects(CONFIGS["jobs that come back"])
        roles = [body for body in bodies if body["kind"] == "Role"]

        for role in roles:
            rights = {(rule["apiGroups"][0], *rule["resources"]): rule["verbs"] for rule in role["rules"]}
            assert rights == {
                ("kubernetes.dask.org", "daskjobs"): ["get", "create", "delete"],
                ("", "pods", "pods/log"): ["get"],
                ("batch", "jobs/finalizers"): ["update"],
            }
        assert len(roles) == [body["kind"] for body in bodies].count("CronJob") > 1

    def test_a_schedule_may_create_the_autoscaler_of_a_run_and_grants_what_it_has(self) -> None:
        bodies = objects(CONFIGS["jobs that come back and follow the work"])
        [cron_job] = [body for body in bodies if body["kind"] == "CronJob"]
        dask_job, *autoscaler = created_by(cron_job)
        [own] = [it["rules"] for it in bodies if it["kind"] == "Role" and it["metadata"]["name"] == "nightly-schedule"]
        [granted] = [body["rules"] for body in autoscaler if body["kind"] == "Role"]

        def triples(rules: list[Body]) -> set[tuple[str, str, str]]:
            return {
                (it["apiGroups"][0], kind, verb) for it in rules for kind in it["resources"] for verb in it["verbs"]
            }

        kinds = {(it["apiVersion"].rpartition("/")[0], f"{it['kind'].lower()}s") for it in [dask_job, *autoscaler]}
        assert len(kinds) == 5
        assert {(*kind, verb) for kind in kinds for verb in ("get", "create")} <= triples(own)
        assert triples(granted) < triples(own)
        assert not {it for it in triples(own) if it[1] == "secrets" or it[2] in ("bind", "escalate", "*")}
        name = dask_job["metadata"]["name"]
        named = {rule["resources"][0]: rule.get("resourceNames") for rule in granted}
        assert named["daskworkergroups"] == [f"{name}-default"]
        assert named["daskclusters"] == named["daskjobs"] == [name]

    def test_the_autoscaler_may_change_the_groups_of_its_cluster_and_nothing_else_by_name(self) -> None:
        bodies = objects(CONFIGS["groups that follow the work"])
        [role] = [body for body in bodies if body["kind"] == "Role"]
        [cluster] = [body["metadata"]["name"] for body in bodies if body["kind"] == "DaskCluster"]

        rights = {(rule["resources"][0], *rule["verbs"]): rule.get("resourceNames") for rule in role["rules"]}

        groups = rights.pop(("daskworkergroups", "get", "patch")) or []
        assert [name.rpartition("-")[0] for name in groups] == [cluster, f"{cluster}-gpu"]
        assert rights == {
            ("daskclusters", "get"): [cluster],
            ("deployments", "list", "delete"): None,
            ("events", "create"): None,
        }

    def test_the_autoscaler_of_a_job_may_change_the_group_of_its_job_and_nothing_else_by_name(self) -> None:
        bodies = objects(CONFIGS["jobs that follow the work"])
        [role] = [body for body in bodies if body["kind"] == "Role"]
        [job] = [body["metadata"]["name"] for body in bodies if body["kind"] == "DaskJob"]

        rights = {(rule["resources"][0], *rule["verbs"]): rule.get("resourceNames") for rule in role["rules"]}

        assert rights == {
            ("daskjobs", "get"): [job],
            ("daskclusters", "get"): [job],
            ("daskworkergroups", "get", "patch"): [f"{job}-default"],
            ("deployments", "list", "delete"): None,
            ("events", "create"): None,
        }

    @every_configuration
    def test_no_pod_learns_of_services_by_its_environment(self, name: str) -> None:
        """A Service called `dask` would set DASK_PORT, which Dask takes as its own configuration."""
        assert [path for path, pod in every_pod(name) if pod.get("enableServiceLinks") is not False] == []

    @every_configuration
    def test_schedulers_and_workers_say_when_they_are_ready(self, name: str) -> None:
        for path, pod in every_pod(name):
            [box] = pod["containers"]
            if box["name"] in ("scheduler", "worker"):
                probed = {probe for probe in ("readinessProbe", "livenessProbe") if probe in box}

                assert "readinessProbe" in probed, path
                assert box["name"] == "worker" or "livenessProbe" in probed, path
                assert box["readinessProbe"]["httpGet"]["port"] in {port["name"] for port in box["ports"]}, path

    @every_configuration
    def test_a_role_sees_no_key_but_its_own(self, name: str) -> None:
        clients = dict.fromkeys(("verify", "job", "notebook", "autoscaler"), "client.key")
        keys = {"scheduler": "scheduler.key", "worker": "worker.key"} | clients
        for path, pod in every_pod(name):
            role = pod["containers"][0]["name"]
            for volume in pod.get("volumes", []):
                if volume["name"] == "dask-tls":
                    # cert-manager calls every key `tls.key`, and gives each role a Secret of its own.
                    items = [item for item in volume["secret"]["items"] if item["key"].endswith(".key")]
                    mounted = {item["path"] for item in items}

                    assert mounted == {keys[role]}, path


class TestProduction:
    @pytest.fixture(scope="class", name="registered")
    @classmethod
    def _registered(cls) -> dict[str, list[Body]]:
        return program_objects(CONFIGS)

    @pytest.mark.parametrize("name", [name for name, raw in CONFIGS.items() if raw.get("secrets")])
    def test_secrets_stand_in_secrets_and_nowhere_else(self, name: str, registered: dict[str, list[Body]]) -> None:
        hidden = {value for secret in CONFIGS[name]["secrets"].values() for value in secret.values()}

        holding = {
            body["kind"] for body in registered[name] for value in hidden if value in json.dumps(body, default=repr)
        }

        assert holding == {"Secret"}

    def test_every_container_of_the_big_stacks_says_what_it_may_take(self) -> None:
        for stack in ("staging", "prod"):
            for path, pod in every_pod(f"Pulumi.{stack}.yaml"):
                for box in pod["containers"]:
                    assert {"cpu", "memory"} <= box.get("resources", {}).get("limits", {}).keys(), path

    def test_production_says_who_may_connect(self, registered: dict[str, list[Body]]) -> None:
        bodies = registered["Pulumi.prod.yaml"]
        [policy] = [body for body in bodies if body["kind"] == "NetworkPolicy"]

        ranges = [
            peer["ipBlock"]["cidr"] for rule in policy["spec"]["ingress"] for peer in rule["from"] if "ipBlock" in peer
        ]

        assert policy["spec"]["podSelector"] == {}
        assert ranges == [peer.cidr for peer in settings_of("prod").namespace.allow_from]
        assert "0.0.0.0/0" not in ranges

    @pytest.mark.parametrize("stack", STACKS)
    def test_no_stack_uses_an_image_that_can_change_under_its_name(self, stack: str) -> None:
        assert [line for line in warnings(settings_of(stack)) if "can change" in line] == []

    @every_configuration
    def test_the_operators_http_api_and_its_routes_are_never_switched_on(self, name: str) -> None:
        """operator-facts 7: it asks for no credentials."""
        assert "distributed.http.scheduler.api" not in repr(every_pod(name))
