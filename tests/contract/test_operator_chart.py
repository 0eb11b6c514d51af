"""The operator as Helm renders it with our values: restricted, limited, and with no more rights than `watch` says."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from components import chart
from components.settings import parse
from policy.guardrails.podsecurity import violations
from tests.contract.conftest import CONFIGS
from tests.contract.rendering import pods


def helm() -> str | None:
    """The helm on PATH, or the one that the local Kubernetes has built."""
    if found := shutil.which("helm"):
        return found
    from local.kubernetes import build

    built = sorted(build.cache_root().glob("kubernetes-*/tools/helm"), key=lambda path: path.stat().st_mtime)
    return str(built[-1]) if built else None


@pytest.mark.skipif(helm() is None, reason="needs helm: `python3 -m local.kubernetes tools` builds it")
@pytest.mark.parametrize("name", CONFIGS)
def test_the_operators_pod_is_restricted_and_limited(name: str, tmp_path: Path) -> None:
    operator = parse(CONFIGS[name]).operator
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(chart.values(operator)))
    command = [helm() or "", "template", "dask-operator", str(chart.bundled()), "--values", str(values)]

    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    bodies = [body for body in yaml.safe_load_all(rendered) if body]
    [(_, pod)] = [pod for body in bodies for pod in pods(body)]
    [box] = pod["containers"]
    assert violations(pod, "restricted") == []
    assert box["securityContext"]["readOnlyRootFilesystem"] is True
    assert "livenessProbe" in box
    assert {"cpu", "memory"} <= box["resources"]["requests"].keys()
    kinds = {body["kind"] for body in bodies}
    assert ("ClusterRole" in kinds) == (operator.watch is None)
