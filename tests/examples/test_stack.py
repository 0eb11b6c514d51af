"""Pulumi.tutorial.yaml is accepted, and means what examples/README.md says it does."""

from pathlib import Path

import pytest
import yaml

from components.configuration import parse
from components.manifests.declared import clusters_of, workspace_of

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def spec():
    config = yaml.safe_load((PROJECT / "Pulumi.tutorial.yaml").read_text())["config"]
    parsed = parse({key.removeprefix("dask:"): value for key, value in config.items()})
    return clusters_of(parsed, workspace_of(parsed, "dask-tutorial", {}))["analytics"].dask_cluster["spec"]


def test_both_workers_see_the_nodes_csv_files(spec):
    [volume] = spec["worker"]["spec"]["volumes"]
    [mount] = spec["worker"]["spec"]["containers"][0]["volumeMounts"]

    assert spec["worker"]["replicas"] == 2
    assert volume["hostPath"]["path"] == "/srv/data"
    assert (mount["name"], mount["mountPath"]) == (volume["name"], "/data")


def test_the_workers_get_optuna_and_scikit_learn(spec):
    env = {item["name"]: item.get("value") for item in spec["worker"]["spec"]["containers"][0]["env"]}

    assert env["EXTRA_CONDA_PACKAGES"] == "optuna optuna-integration scikit-learn"


def test_the_probes_are_those_of_the_tutorial(spec):
    container = spec["scheduler"]["spec"]["containers"][0]

    timing = {
        name: (container[name]["initialDelaySeconds"], container[name]["periodSeconds"])
        for name in ("readinessProbe", "livenessProbe")
    }
    assert timing == {"readinessProbe": (5, 10), "livenessProbe": (15, 20)}
