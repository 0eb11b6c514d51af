"""The policy pack under the engine: binding for strict stacks, advice for all others."""

import json
from pathlib import Path
from typing import Any

import pytest

from policy.guardrails import pack
from tests.support.stacks import IMAGE, Stack, copy_of_the_project
from tools.backend import address

# Nobody listens there: such a preview shows that it needs no Kubernetes API.
UNREACHABLE = """
apiVersion: v1
kind: Config
current-context: none
contexts: [{name: none, context: {cluster: none, user: none}}]
clusters: [{name: none, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: none, user: {}}]
"""
PACK = ("--policy-pack", "policy")


@pytest.fixture
def guarded(backend: dict[str, str], tmp_path: Path) -> Stack:
    """A stack without operator and node port, whose preview asks no Kubernetes API."""
    (tmp_path / "kubeconfig").write_text(UNREACHABLE)
    environment = backend | {
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        "PULUMI_BACKEND_URL": address(tmp_path),
    }
    made = Stack(copy_of_the_project(tmp_path / "project"), "guarded", environment)
    return made.configure(operator={"install": False}, clusters={"analytics": {"image": IMAGE}})


@pytest.mark.parametrize(("strict", "level"), [(False, "advisory"), (True, "mandatory")])
def test_violations_stop_a_strict_stack_and_advise_all_others(guarded: Stack, strict: bool, level: str) -> None:
    run = guarded.configure(strict=strict).run("preview", *PACK)

    assert (run.code != 0) == strict, run.text
    assert f"[{level}]  images-pinned-by-digest" in run.text


@pytest.mark.parametrize(("maximum", "code"), [(0.02, 1), (0.5, 0)])
def test_the_cost_is_told_before_and_can_be_limited(guarded: Stack, tmp_path: Path, maximum: float, code: int) -> None:
    levels: dict[str, Any] = dict.fromkeys((*pack.ONE, *pack.STACK), "disabled")
    levels["max-cost-per-hour"] = {"enforcementLevel": "mandatory", "maximum": maximum}
    (tmp_path / "levels.json").write_text(json.dumps(levels))
    size = {"image": IMAGE, "resources": {"cpu": "1", "memory": "2Gi"}}
    guarded.configure(clusters={"analytics": size}, prices={"cpu": 0.01, "memory": 0.005, "currency": "EUR"})

    run = guarded.run("preview", *PACK, "--policy-pack-config", str(tmp_path / "levels.json"))

    assert run.code == code, run.text
    assert "the cluster analytics costs 0.04 EUR per hour" in run.text
    assert ("the clusters cost up to 0.04 per hour, and 0.02 is the most" in run.text) == (code != 0)


def test_a_config_file_relaxes_single_policies(guarded: Stack, tmp_path: Path) -> None:
    levels: dict[str, Any] = dict.fromkeys((*pack.ONE, *pack.STACK), "advisory")
    levels["pods-keep-pod-security"] = {"enforcementLevel": "mandatory", "level": "baseline"}
    (tmp_path / "levels.json").write_text(json.dumps(levels))

    run = guarded.configure(strict=True).run("preview", *PACK, "--policy-pack-config", str(tmp_path / "levels.json"))

    assert run.code == 0, run.text
    assert "[advisory]  clusters-are-protected" in run.text
    assert "[mandatory]" not in run.text
