"""What the pure part makes of a configuration beside the DaskCluster: the endpoint and the verify Job."""

from tests.unit.test_manifest import env, target


class TestEndpoint:
    def test_it_keeps_its_name_and_ports_and_selects_the_current_cluster(self) -> None:
        endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30786, "dashboard": 30787}}
        before, after = target({"endpoint": endpoint}), target({"endpoint": endpoint, "env": {"A": "1"}})

        services = [before.endpoint, after.endpoint]

        assert [service["metadata"]["name"] for service in services] == ["analytics", "analytics"]
        assert services[0]["spec"]["ports"] == services[1]["spec"]["ports"]
        assert [port["nodePort"] for port in services[0]["spec"]["ports"]] == [30786, 30787]
        assert services[1]["spec"]["selector"]["dask.org/cluster-name"] == after.physical_name

    def test_the_operator_has_no_reason_to_react_to_it(self) -> None:
        labels = target().endpoint["metadata"]["labels"]

        assert "dask.org/component" not in labels

    def test_the_dashboard_can_stay_inside(self) -> None:
        ports = target({"endpoint": {"dashboard": False}}).endpoint["spec"]["ports"]

        assert [port["name"] for port in ports] == ["dask-tcp-comm"]


def test_a_scheduler_that_takes_in_a_large_graph_is_not_restarted() -> None:
    """It is silent for minutes, and a restart loses all work: only the last resort ends it."""
    [container] = target().dask_cluster["spec"]["scheduler"]["spec"]["containers"]
    probe, start = container["livenessProbe"], container["startupProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] >= 20 * 60
    assert start["periodSeconds"] * start["failureThreshold"] >= 20 * 60


class TestVerifyJob:
    def test_it_waits_for_every_group(self) -> None:
        made = target({"workers": {"replicas": 2}, "workerGroups": {"big": {"replicas": 3}}})

        expected = made.expected_workers

        assert expected[f"{made.physical_name}-default"] == 2
        assert sorted(expected.values()) == [2, 3]

    def test_another_number_of_workers_is_another_job(self) -> None:
        two, three = target({"workers": {"replicas": 2}}), target({"workers": {"replicas": 3}})

        assert two.verify_job["metadata"]["name"] != three.verify_job["metadata"]["name"]

    def test_it_uses_the_clusters_own_image_and_no_packages(self) -> None:
        job = target({"image": "dask:9", "packages": {"pip": ["optuna"]}}).verify_job
        box = job["spec"]["template"]["spec"]["containers"][0]

        assert box["image"] == "dask:9"
        assert "EXTRA_PIP_PACKAGES" not in env(box)
        assert job["spec"]["backoffLimit"] == 0

    def test_who_asks_for_a_sidecar_gets_it(self) -> None:
        made = target({"scheduler": {"annotations": {"linkerd.io/inject": "enabled"}}})

        assert made.verify_job["spec"]["template"]["metadata"]["annotations"] == {"linkerd.io/inject": "enabled"}

    def test_its_pod_carries_what_the_namespaces_rules_ask_of_every_pod(self) -> None:
        made = target({"labels": {"team": "a"}, "scheduler": {"annotations": {"cost": "b"}}})
        metadata = made.verify_job["spec"]["template"]["metadata"]

        assert metadata["annotations"] == {"cost": "b", "linkerd.io/inject": "disabled"}
        assert metadata["labels"] == made.labels | {
            "team": "a",
            "dask.org/component": "verify",
            "sidecar.istio.io/inject": "false",
        }
