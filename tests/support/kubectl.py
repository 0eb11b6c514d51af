"""kubectl on the tests' own cluster: the text that it prints, and objects."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.clusters import kubectl

Object = dict[str, Any]
SECONDS = 120


class Kubectl:
    """kubectl of the local Kubernetes; called with a command's words, it returns the text that it prints."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Whatever it ends with: `auth can-i` ends with 1 for no."""
        return subprocess.run(
            self._command(*arguments), env=_direct(), check=False, capture_output=True, text=True, timeout=SECONDS
        )

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """kubectl running beside the test."""
        return subprocess.Popen(self._command(*arguments), env=_direct(), stdout=subprocess.DEVNULL)

    def get(self, kind: str, *arguments: str) -> list[Object]:
        """The objects of a kind."""
        return json.loads(self("get", kind, *arguments, "-o", "json"))["items"]

    def pods(self, namespace: str, **labels: str) -> list[Object]:
        """The pods that are not terminating, by labels of dask.org."""
        selector = ",".join(f"dask.org/{key.replace('_', '-')}={value}" for key, value in labels.items())
        found = self.get("pods", "-n", namespace, "-l", selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def scheduler(self, namespace: str, cluster: str) -> str:
        """The `uid` of a cluster's scheduler pod."""
        return uid(self.pods(namespace, cluster_name=cluster, component="scheduler"))

    def clusters(self, namespace: str) -> list[str]:
        """The names of the DaskClusters in a namespace."""
        return [item["metadata"]["name"] for item in self.get("daskclusters.kubernetes.dask.org", "-n", namespace)]

    def context(self) -> str:
        """The name of the kubeconfig's current context."""
        return self("config", "current-context").strip()

    def namespaces(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.get("namespaces")]

    def _command(self, *arguments: str) -> list[str]:
        return [str(kubectl()), "--kubeconfig", str(self.kubeconfig), *arguments]


def uid(pods: list[Object]) -> str:
    """The identity of the one pod, with its restarts: the same only if nothing happened to it."""
    [pod] = pods
    restarts = sum(status["restartCount"] for status in pod["status"]["containerStatuses"])
    return f"{pod['metadata']['uid']}/{restarts}"


def _direct() -> dict[str, str]:
    """The environment without proxies: the API server is on this machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
