"""What cannot work is named soon, in words that help, without a traceback."""

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.conftest import NewStack
from tests.engine.owner import Owner
from tests.engine.stacks import Stack
from tests.kubectl import Kubectl
from tests.stacks import wait_until

NAMED_WITHIN = 60
REFUSED_WITHIN = 30
# Nothing listens at the port `discard`.
NOBODY = "https://127.0.0.1:9"


def cluster(**over: Any) -> dict[str, Any]:
    return {"main": {"readyTimeout": "30s"} | over}


def test_a_pod_that_fits_nowhere_is_named(stack: Stack) -> None:
    stack.configure(clusters=cluster(workers={"replicas": 1, "resources": {"cpu": "64"}}))

    up = stack.start_up()
    wait_until(lambda: up.says("Insufficient cpu"), NAMED_WITHIN, "the pod that cannot be scheduled is named")
    run = up.wait()

    assert run.code != 0
    assert re.search(r"main-[0-9a-f]{8}-default-worker-.*Unschedulable", run.text), run.text
    assert "Traceback" not in run.text
    stack.change(clusters={})


def test_an_exceeded_quota_is_named(stack: Stack, kube: Kubectl) -> None:
    stack.configure(
        namespace={"name": "refusals", "quota": {"pods": 2}}, clusters=cluster(workers={"replicas": 4, "threads": 1})
    )

    up = stack.start_up()
    wait_until(lambda: up.says("exceeded quota"), NAMED_WITHIN, "the quota is named")
    run = up.wait()

    assert run.code != 0
    assert re.search(r"deployment main-[0-9a-f]{8}-default-worker-\S+: FailedCreate.*exceeded quota: dask", run.text)
    assert "Traceback" not in run.text
    stack.change(namespace={"name": "refusals"}, clusters={})
    assert kube.clusters("refusals") == []


def test_every_mistake_in_the_settings_is_shown_and_nothing_registered(new_stack: NewStack) -> None:
    mistaken = new_stack("mistaken")
    mistaken.configure(
        namespace={"name": "kube-system"},
        clusters={"1abc": {"imagee": "x"}, "main": {"workers": {"replicas": "two"}, "endpoint": {"type": "NodePort"}}},
    )

    run = mistaken.run("preview")

    assert run.code != 0
    assert "5 mistakes" in run.text, run.text
    for words in ("kube-system", "dask:clusters.1abc", "imagee", "replicas", "insecure"):
        assert words in run.text, words
    assert "Traceback" not in run.text
    assert [kind for _, kind, _ in run.begun] in ([], ["Stack"])


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("silence", [True, False], ids=["no-answer", "refused"])
def test_an_api_server_that_cannot_be_reached_is_named(new_stack: NewStack, silent: str, silence: bool) -> None:
    server = silent if silence else NOBODY
    lost = new_stack("silent" if silence else "refused")
    kubeconfig = lost.folder / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: nowhere\n"
        "contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]\n"
        f"clusters: [{{name: nowhere, cluster: {{server: '{server}'}}}}]\nusers: [{{name: nobody, user: {{}}}}]\n"
    )
    lost.environment = lost.environment | {"KUBECONFIG": str(kubeconfig)}
    # This one asks the API server for the nodes' addresses as well.
    lost.configure(clusters={"main": {"endpoint": {"type": "NodePort", "insecure": True}}})

    run = lost.run("up", "--yes", "--skip-preview", seconds=90)

    assert run.code != 0
    assert server.removeprefix("https://") in run.text or "'nowhere'" in run.text, run.text
    assert "Traceback" not in run.text
    assert run.seconds < REFUSED_WITHIN


def test_a_second_operator_is_refused_in_the_preview(owner: Owner, new_stack: NewStack) -> None:
    owner.up()
    second = new_stack("second-operator")
    second.configure(namespace={"name": "second"}, operator={"namespace": "second-operator"})

    run = second.run("preview")

    assert run.code != 0
    assert "already looks after all namespaces" in run.text, run.text
    assert "dask:operator.install: false" in run.text
    assert "Traceback" not in run.text
