"""The operator as Helm renders it with our values: restricted, and with no more rights than `watch` says."""

import subprocess
from pathlib import Path

import pytest
import yaml

from components.configuration import parse
from components.kube import chart
from components.manifests.operator import values as operator_values
from devcluster.kubernetes import build
from policy.guardrails.podsecurity import violations
from tests.contract.conftest import CONFIGS
from tests.contract.rendering import pods


# Helm is built beside the local Kubernetes.
@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_the_operators_pod_is_restricted_and_requests_what_it_needs(name: str, tmp_path: Path) -> None:
    operator = parse(CONFIGS[name]).operator
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(operator_values(operator)))
    command = [f"{build.tools()}/helm", "template", "dask-operator", str(chart.bundled()), "--values", str(values)]

    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    bodies = [body for body in yaml.safe_load_all(rendered) if body]
    [(_, pod)] = [pod for body in bodies for pod in pods(body)]
    [container] = pod["containers"]
    assert violations(pod, "restricted") == []
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert "livenessProbe" in container
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    kinds = {body["kind"] for body in bodies}
    assert ("ClusterRole" in kinds) == (operator.watch is None)
