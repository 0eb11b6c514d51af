"""A Dask cluster for the length of a `with` block, by Pulumi's Automation API: no stack file, no command.

    with dask_cluster("nightly", {"workers": {"replicas": 4}}, "analytics") as client:
        print(client.submit(sum, [1, 2, 3]).result())

`pulumi up` runs before the block, with the same checks, waits and messages, and `pulumi destroy` after it, even after
an exception or Ctrl-C. A process that is killed leaves the cluster and its state: the same name takes both over, so the
next `with` continues with that cluster and deletes it.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi
from distributed import Client
from distributed.security import Security
from pulumi import automation

from components import DaskCluster  # a project of yours: from dask_on_kubernetes import DaskCluster

PROJECT = "short-lived"


@contextmanager
def dask_cluster(name: str, settings: Mapping[str, Any], namespace: str) -> Iterator[Client]:
    """A client of a cluster that exists while the block runs.

    `settings` are those under `dask:clusters.<name>` in a stack file. The namespace and an operator exist.
    The state is where the environment says (`pulumi login`, PULUMI_BACKEND_URL).
    """

    def program() -> None:
        cluster = DaskCluster(name, settings, namespace)
        pulumi.export("address", cluster.scheduler_address)
        pulumi.export("tls", cluster.client_tls)

    stack = automation.create_or_select_stack(name, PROJECT, program=program)
    try:
        outputs = stack.up(on_output=_report).outputs
        tls = outputs["tls"].value
        with Client(outputs["address"].value, security=_security(tls), timeout=60, set_as_default=False) as client:
            yield client
    finally:
        stack.destroy(on_output=_report)
        stack.workspace.remove_stack(name)


def _security(tls: Mapping[str, str]) -> Security | None:
    """The client's certificate as Dask takes it; None for a cluster without TLS."""
    if not tls:
        return None
    return Security(
        require_encryption=True, tls_ca_file=tls["ca"], tls_client_cert=tls["cert"], tls_client_key=tls["key"]
    )


def _report(line: str) -> None:
    print(line, file=sys.stderr)


def main(namespace: str) -> None:
    """Sums some squares on a cluster that nobody else ever sees."""
    # The endpoint has to be reachable from here. From a pod of the same namespace, leave it out.
    settings = {"tls": {"enabled": True}, "endpoint": {"type": "NodePort"}, "workers": {"replicas": 1, "threads": 1}}
    with dask_cluster("squares", settings, namespace) as client:
        squares = client.map(lambda number: number**2, range(1000))
        print(f"the sum of {len(squares)} squares is {client.submit(sum, squares).result(timeout=600)}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "analytics")
