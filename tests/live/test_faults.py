"""What cannot work is named soon, in words that help, without a traceback, and changes nothing else."""

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.conftest import NewStack
from tests.support.kubectl import Kubectl
from tests.support.stacks import Stack, good
from tests.support.wait import wait_until
from tests.support.work import computes

NAMESPACE = "faults"
NAMED_WITHIN = 60
REFUSED_WITHIN = 30
# Nothing listens at the port `discard`.
NOBODY = "https://127.0.0.1:9"
NODE_PORT: dict[str, Any] = {"type": "NodePort", "insecure": True}
WORKER = r"main-[0-9a-f]{8}-default-worker-"


def cluster(**over: Any) -> dict[str, Any]:
    return {"main": {"endpoint": NODE_PORT, "workers": {"replicas": 1, "threads": 1}} | over}


@pytest.fixture(scope="module")
def healthy(stack: Stack) -> str:
    """The cluster that has to survive all of it: the identity of its scheduler's pod."""
    stack.up(clusters=cluster())
    return stack.scheduler()


@pytest.fixture
def survives(stack: Stack, healthy: str) -> Iterator[None]:
    """Holds each test to a cluster that computes all the while, and to a way back."""
    yield
    assert computes(stack.address())
    stack.change(namespace={"name": NAMESPACE}, clusters=cluster())
    assert stack.scheduler() == healthy


@pytest.mark.usefixtures("survives")
def test_the_error_that_a_nanny_hides_is_named(stack: Stack) -> None:
    run = stack.failing_up(clusters=cluster(workers={"replicas": 1, "extraArgs": ["--preload", "no_such_module"]}))

    assert "CrashLoopBackOff" in run.text
    assert "ModuleNotFoundError: No module named 'no_such_module'" in run.text
    assert run.seconds < NAMED_WITHIN


@pytest.mark.usefixtures("survives")
def test_a_crash_loop_is_named_with_its_last_words(stack: Stack) -> None:
    run = stack.failing_up(clusters=cluster(scheduler={"extraArgs": ["--no-such-option"]}))

    assert "CrashLoopBackOff" in run.text
    assert "Error: No such option '--no-such-option'" in run.text
    # Nobody waits for the end of a verification that has nothing more to verify.
    assert run.seconds < NAMED_WITHIN


@pytest.mark.usefixtures("survives")
def test_packages_that_nothing_has_installed_are_named(stack: Stack) -> None:
    # Instead of the image's entrypoint, which would install them.
    command = {"containers": [{"name": "worker", "command": ["env"]}]}
    workers = {"replicas": 1, "packages": {"pip": ["dask", "no-such-package"]}, "podTemplate": command}

    run = stack.failing_up(clusters=cluster(workers=workers))

    assert "has not computed: packages are missing on the workers of main-" in run.text
    assert "-default: no-such-package; the image's entrypoint has not installed them" in run.text
    assert run.seconds < NAMED_WITHIN


@pytest.mark.usefixtures("survives")
def test_a_pod_that_fits_nowhere_is_named(stack: Stack) -> None:
    huge = {"replicas": 1, "resources": {"cpu": "640"}}
    stack.configure(clusters=cluster(workers=huge, readyTimeout="20s"))

    up = stack.start_up()
    wait_until(lambda: up.says("Insufficient cpu"), NAMED_WITHIN, "the pod that cannot be scheduled is named")
    run = up.wait()

    assert run.code != 0
    assert re.search(f"{WORKER}.*Unschedulable", run.text), run.text
    assert "Traceback" not in run.text


@pytest.mark.usefixtures("survives")
def test_a_second_cluster_that_exceeds_the_quota_is_named(stack: Stack) -> None:
    # The scheduler, the worker and the verification's pod.
    stack.change(namespace={"name": NAMESPACE, "quota": {"pods": 3}})
    stack.configure(clusters=cluster(env={"A": "1"}, readyTimeout="30s"))
    said = (
        "does not hold a second version of the cluster 'main' next to the first, so an update of its pods waits in vain"
    )

    assert said in stack.preview().text
    up = stack.start_up()
    wait_until(lambda: up.says("exceeded quota"), NAMED_WITHIN, "the quota is named")
    run = up.wait()

    assert run.code != 0
    assert re.search(rf"deployment {WORKER}\S+: FailedCreate.*exceeded quota: dask", run.text), run.text
    assert "Traceback" not in run.text


@pytest.mark.usefixtures("survives")
def test_a_quota_that_can_never_hold_the_stack_is_refused(stack: Stack, kube: Kubectl) -> None:
    run = stack.failing_up(REFUSED_WITHIN, namespace={"name": NAMESPACE, "quota": {"pods": 2}})

    words = "dask:namespace.quota.pods: 2 is less than the declared pods need at least: 2 for the clusters and 1 for"
    assert words in run.text
    assert run.changes == []
    assert kube.get("resourcequotas", "-n", NAMESPACE) == []


@pytest.mark.usefixtures("survives")
def test_a_secret_that_is_missing_is_named_while_its_pods_wait(stack: Stack) -> None:
    volume = {"name": "s", "secret": "no-such", "mountPath": "/s"}
    stack.configure(clusters=cluster(volumes=[volume], readyTimeout="30s"))

    up = stack.start_up()
    words = f"the Secret 'no-such' is missing in the namespace '{NAMESPACE}'"
    wait_until(lambda: up.says(words), NAMED_WITHIN, "the missing Secret is named")
    run = up.wait()

    assert run.code != 0
    assert f"(readyTimeout): {words}" in run.text, run.text
    assert "Traceback" not in run.text


@pytest.mark.usefixtures("survives")
def test_a_key_that_a_secret_of_certificates_lacks_is_named(stack: Stack, kube: Kubectl) -> None:
    kube("create", "secret", "generic", "half", "-n", NAMESPACE, "--from-literal=tls.crt=x")
    stack.configure(clusters=cluster(tls={"enabled": True, "secret": "half"}, readyTimeout="60s"))

    up = stack.start_up()
    wait_until(lambda: up.says("references non-existent secret key"), NAMED_WITHIN, "the missing key is named")
    run = up.wait()

    assert run.code != 0
    assert "Traceback" not in run.text


@pytest.mark.usefixtures("survives")
def test_the_holder_of_a_node_port_is_named_and_keeps_it(stack: Stack, kube: Kubectl) -> None:
    taken = stack.outputs()["schedulerNodePort"]
    other = {"endpoint": NODE_PORT | {"nodePorts": {"scheduler": taken}}, "workers": {"replicas": 1}}

    run = stack.failing_up(clusters=cluster() | {"other": other})

    assert f"{taken} belongs to the Service 'main' in the namespace '{NAMESPACE}'" in run.text
    assert stack.outputs()["schedulerNodePort"] == taken
    assert "other-connection" not in kube("get", "configmaps", "-n", NAMESPACE, "-o", "name")


def test_every_mistake_in_the_settings_is_shown_and_nothing_registered(new_stack: NewStack) -> None:
    mistaken = new_stack("mistaken").configure(
        namespace={"name": "kube-system"},
        clusters={"1abc": {"imagee": "x"}, "main": {"workers": {"replicas": "two"}, "endpoint": {"type": "NodePort"}}},
    )

    run = mistaken.run("preview")

    assert run.code != 0
    assert "5 mistakes in the stack's configuration; nothing was changed" in run.text, run.text
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
    lost.configure(clusters=cluster())

    run = lost.run("up", "--yes", "--skip-preview", seconds=90)

    assert run.code != 0
    assert server.removeprefix("https://") in run.text or "'nowhere'" in run.text, run.text
    assert "Traceback" not in run.text
    assert run.seconds < REFUSED_WITHIN


def test_a_context_that_is_named_later_replaces_nothing(stack: Stack, kube: Kubectl, healthy: str) -> None:
    stack.settle(clusters=cluster())

    stack.cli("config", "set", "kubernetes:context", kube.context())
    run = good(stack.run("up", "--yes", "--skip-preview"))

    assert [kind for _, kind, _ in run.changes] in ([], ["kubernetes"])
    assert stack.scheduler() == healthy
    assert computes(stack.address())
