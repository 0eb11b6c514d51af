"""examples/short_lived.py, run as its users run it: a cluster that exists while a `with` block runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.wait import wait_until

NAMESPACE = "short-lived"
SECONDS = 300
# What the program leaves behind in a namespace that it did not create, if it leaves anything.
KINDS = "daskclusters,daskworkergroups,deployments,services,secrets,jobs,pods,poddisruptionbudgets"
BLOCK = """
import sys
from examples.short_lived import dask_cluster

settings = {"endpoint": {"type": "NodePort", "insecure": True}, "workers": {"replicas": 1, "threads": 1}}
with dask_cluster("block", settings, "short-lived") as client:
    print(client.submit(lambda: "it computes").result(timeout=60), flush=True)
    sys.stdin.readline()
    raise LookupError("of the block")
"""


@pytest.fixture(scope="module")
def environment(owner: Owner, backend: dict[str, str], kube: Kubectl) -> Iterator[dict[str, str]]:
    """What a shell has in which `pulumi` and `kubectl` work, and a namespace of the tests' own."""
    owner.up()
    kube("create", "namespace", NAMESPACE)
    yield os.environ | backend | {"KUBECONFIG": str(kube.kubeconfig)}
    kube("delete", "namespace", NAMESPACE)


def start(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def nothing_is_left(kube: Kubectl, environment: dict[str, str]) -> bool:
    """Whether the namespace and the backend are as they were."""
    folder = Path(urlsplit(environment["PULUMI_BACKEND_URL"]).path)
    states = list(folder.rglob("stacks/short-lived/*.json"))
    wait_until(lambda: not kube.get(KINDS, "-n", NAMESPACE), 60, "the last pods have ended")
    return not states


def test_a_cluster_exists_for_the_length_of_the_block(environment: dict[str, str], kube: Kubectl) -> None:
    process = start(environment, "-m", "examples.short_lived", NAMESPACE)

    printed, told = process.communicate(timeout=SECONDS)

    assert process.returncode == 0, told
    assert printed == "the sum of 1000 squares is 332833500\n"
    assert nothing_is_left(kube, environment)


@pytest.mark.parametrize("ended_by", ["an exception", "Ctrl-C"])
def test_a_block_that_fails_leaves_nothing(ended_by: str, environment: dict[str, str], kube: Kubectl) -> None:
    process = start(environment, "-c", BLOCK)
    assert process.stdout
    assert process.stdout.readline() == "it computes\n", process.communicate(timeout=SECONDS)[1]
    assert len(kube.clusters(NAMESPACE)) == 1

    if ended_by == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    _, told = process.communicate("\n" if ended_by == "an exception" else None, timeout=SECONDS)

    assert process.returncode != 0
    assert told.splitlines()[-1].startswith(
        "KeyboardInterrupt" if ended_by == "Ctrl-C" else "LookupError: of the block"
    )
    assert nothing_is_left(kube, environment)
