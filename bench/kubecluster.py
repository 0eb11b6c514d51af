"""KubeCluster(n_workers=2) of dask_kubernetes.operator, as a program of its own, because it may hang.

It starts when it reads a line on stdin, after its imports, and writes one JSON line for each step to stdout.
"""

import json
import sys
from typing import Any

from dask_kubernetes.operator import KubeCluster
from dask_kubernetes.operator.kubecluster.kubecluster import make_cluster_spec
from distributed import Client

IMAGE = "ghcr.io/dask/dask:2026.8.0-py3.11"


def say(step: str) -> None:
    """Prints a milestone, which the bench reads line by line."""
    print(json.dumps({"step": step}), flush=True)


def spec(workers: int, worker_command: str = "dask worker") -> dict[str, Any]:
    """KubeCluster's own spec with the scheduler's command as today's Dask has it; the worker's is an argument."""
    made = make_cluster_spec(
        name="simple",
        image=IMAGE,
        n_workers=workers,
        worker_command=worker_command,
        scheduler_service_type="NodePort",
    )
    container = made["spec"]["scheduler"]["spec"]["containers"][0]
    container["args"] = ["dask", "scheduler", *container["args"][1:]]
    # As `env: null` and `resources: null` the API server refuses them.
    for role in ("scheduler", "worker"):
        container = made["spec"][role]["spec"]["containers"][0]
        for key in [key for key, value in container.items() if value is None]:
            del container[key]
    return made


def main() -> None:
    """Creates the cluster and computes on it."""
    say("imported")
    sys.stdin.readline()
    cluster = KubeCluster(namespace="default", custom_cluster_spec=spec(2), quiet=True, shutdown_on_close=False)
    say("KubeCluster returned")
    with Client(cluster) as client:
        assert client.submit(sum, [1, 2, 3]).result(timeout=120) == 6
        say("first result")
        client.wait_for_workers(2, timeout=120)
        say("both workers")


if __name__ == "__main__":
    main()
