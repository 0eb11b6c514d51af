"""The live cluster from outside. In: a kubeconfig. Out: objects as kubectl prints them."""

import json
import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.clusters import ROOT

Object = dict[str, Any]


class Kube:
    """kubectl of the local Kubernetes."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    @cached_property
    def _binary(self) -> str:
        command = [sys.executable, "-m", "local.kubernetes", "tools"]
        folder = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        return f"{folder}/kubectl"

    def __call__(self, *arguments: str) -> str:
        command = [self._binary, "--kubeconfig", str(self.kubeconfig), *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, kind: str, *arguments: str) -> list[Object]:
        """Objects of a kind."""
        return json.loads(self("get", kind, *arguments, "-o", "json"))["items"]

    def pods(self, namespace: str, **labels: str) -> list[Object]:
        """The pods that are not going away, by labels of dask.org."""
        selector = ",".join(f"dask.org/{key.replace('_', '-')}={value}" for key, value in labels.items())
        found = self.get("pods", "-n", namespace, "-l", selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def scheduler(self, namespace: str, cluster: str) -> str:
        """The identity of a cluster's scheduler pod, with its restarts: the same only if nothing happened to it."""
        [pod] = self.pods(namespace, cluster_name=cluster, component="scheduler")
        restarts = sum(status["restartCount"] for status in pod["status"]["containerStatuses"])
        return f"{pod['metadata']['uid']}/{restarts}"

    def clusters(self, namespace: str) -> list[str]:
        """The names of the DaskClusters in a namespace."""
        return [item["metadata"]["name"] for item in self.get("daskclusters.kubernetes.dask.org", "-n", namespace)]

    def namespaces(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.get("namespaces")]
