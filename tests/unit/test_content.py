"""What makes another cluster or worker group of a configuration, and what keeps its name."""

from typing import Any

import pytest

from tests.support.declared import declared
from tests.unit.test_manifest import target


class TestNames:
    def test_the_name_ends_in_a_hash_that_stays(self) -> None:
        first, second = target({"workers": {"replicas": 2}}), target({"workers": {"replicas": 2}})

        assert first.physical_name == second.physical_name
        assert first.physical_name.startswith("analytics-")
        assert len(first.physical_name) == len("analytics-") + 8

    @pytest.mark.parametrize(
        "change",
        [
            {"workers": {"replicas": 7}},
            {"workers": {"replicas": 0}},
            {"endpoint": {"type": "NodePort", "insecure": True}},
            {"workerGroups": {"big": {"replicas": 3}}},
            {"drainTimeout": "1m"},
            {"verify": False},
            {"scheduler": {"podDisruptionBudget": False}},
        ],
    )
    def test_what_touches_no_pod_keeps_the_name(self, change: dict[str, Any]) -> None:
        assert target(change).physical_name == target().physical_name

    @pytest.mark.parametrize(
        "change",
        [
            {"image": "ghcr.io/dask/dask:2026.7.1"},
            {"env": {"A": "1"}},
            {"workers": {"env": {"A": "1"}}},
            {"workers": {"threads": 2}},
            {"workers": {"resources": {"memory": "2Gi"}}},
            {"packages": {"pip": ["optuna"]}},
            {"volumes": [{"name": "data", "hostPath": "/srv", "mountPath": "/data"}]},
            {"scheduler": {"port": 9000}},
            {"tls": {"enabled": True}},
            {"labels": {"team": "a"}},
            {"annotations": {"note": "a"}},
            {"daskConfig": {"distributed": {"worker": {"memory": {"target": 0.5}}}}},
            {"workers": {"minimum": 1, "maximum": 2}},
        ],
    )
    def test_what_touches_a_pod_changes_the_name(self, change: dict[str, Any]) -> None:
        assert target(change).physical_name != target().physical_name

    def test_a_renamed_stack_keeps_the_name(self) -> None:
        [before, after] = [declared("a", {}, part_of=f"dask-{stack}") for stack in ("qa", "qa2")]

        assert before.physical_name == after.physical_name

    def test_a_new_tls_rotation_is_a_new_cluster(self) -> None:
        once = target({"tls": {"enabled": True}})
        again = target({"tls": {"enabled": True, "rotation": 2}})

        assert once.physical_name != again.physical_name
        assert (once.tls_secret, again.tls_secret) == ("analytics-tls-1", "analytics-tls-2")

    def test_recreate_keeps_the_plain_name_and_still_knows_its_content(self) -> None:
        before, after = target({"update": "recreate"}), target({"update": "recreate", "env": {"A": "1"}})

        assert before.physical_name == after.physical_name == "analytics"
        assert before.content_hash != after.content_hash

    def test_bounds_of_the_autoscaler_keep_the_name(self) -> None:
        narrow = target({"workers": {"minimum": 1, "maximum": 2}})
        wide = target({"workers": {"minimum": 0, "maximum": 20}})

        assert narrow.physical_name == wide.physical_name

    def test_a_group_has_a_name_of_its_own_content(self) -> None:
        def group(settings: dict[str, Any]) -> str:
            return target({"workerGroups": {"big": settings}}).worker_groups["big"]["metadata"]["name"]

        assert group({"replicas": 1}) == group({"replicas": 5})
        assert group({"replicas": 1}) != group({"replicas": 1, "resources": {"memory": "8Gi"}})
