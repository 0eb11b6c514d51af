"""The policy pack under the real engine: binding for strict stacks, advice for all others."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy.guardrails import pack
from tests.contract.rendering import ROOT

# Nobody listens there: such a preview shows that it needs no Kubernetes API.
UNREACHABLE = """
apiVersion: v1
kind: Config
current-context: none
contexts: [{name: none, context: {cluster: none, user: none}}]
clusters: [{name: none, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: none, user: {}}]
"""


@pytest.mark.engine
@pytest.mark.skipif(not shutil.which("pulumi"), reason="needs the pulumi CLI on PATH")
class TestEngine:
    @pytest.mark.parametrize(("strict", "level"), [(False, "advisory"), (True, "mandatory")])
    def test_violations_stop_a_strict_stack_and_advise_all_others(
        self, tmp_path: Path, strict: bool, level: str
    ) -> None:
        project = self._project(tmp_path, {"dask:strict": strict})
        self._pulumi(project, "stack", "init", "guarded")

        done = self._pulumi(project, "preview", "--stack", "guarded", "--policy-pack", "policy", check=False)

        assert (done.returncode != 0) == strict, done.stdout + done.stderr
        assert f"[{level}]  images-pinned-by-digest" in done.stdout

    def test_a_config_file_relaxes_single_policies(self, tmp_path: Path) -> None:
        project = self._project(tmp_path, {"dask:strict": True})
        levels: dict[str, Any] = dict.fromkeys((*pack.ONE, *pack.STACK), "advisory")
        levels["pods-keep-pod-security"] = {"enforcementLevel": "mandatory", "level": "baseline"}
        (tmp_path / "levels.json").write_text(json.dumps(levels))
        self._pulumi(project, "stack", "init", "guarded")
        options = (
            "--stack",
            "guarded",
            "--policy-pack",
            "policy",
            "--policy-pack-config",
            str(tmp_path / "levels.json"),
        )

        done = self._pulumi(project, "preview", *options, check=False)

        assert done.returncode == 0, done.stdout + done.stderr
        assert "[advisory]  clusters-are-protected" in done.stdout
        assert "[mandatory]" not in done.stdout

    def _project(self, home: Path, config: dict[str, Any]) -> Path:
        """The project with one stack of its own, so that nothing is written into the repository."""
        project = home / "project"
        project.mkdir()
        for name in ("Pulumi.yaml", "__main__.py", "components", "policy", ".venv"):
            (project / name).symlink_to(ROOT / name)
        # No operator, no node: such a preview asks no Kubernetes API.
        cluster = {"image": "ghcr.io/dask/dask:2026.8.0-py3.11"}
        config |= {"dask:operator": {"install": False}, "dask:clusters": {"analytics": cluster}}
        (project / "Pulumi.guarded.yaml").write_text(yaml.safe_dump({"config": config}))
        (home / "kubeconfig").write_text(UNREACHABLE)
        return project

    def _pulumi(self, project: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PULUMI_BACKEND_URL": f"file://{project.parent}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "KUBECONFIG": str(project.parent / "kubeconfig"),
        }
        command = ["pulumi", "--non-interactive", "--color", "never", "--cwd", str(project), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=check, timeout=120)
