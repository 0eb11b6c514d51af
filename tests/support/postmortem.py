"""What Kubernetes and the operator say when a live test has failed, for those who see only the test's output."""

import subprocess
from collections.abc import Iterator

from tests.support.kubectl import Kubectl

LINES = 40
# kubectl takes no selector for pods of all namespaces in `logs`.
LOGS = ("dask.org/component=autoscaler", "app.kubernetes.io/name=dask-kubernetes-operator")
# What the operator writes while nothing happens.
NOISE = ("HTTP Request: ", "aiohttp.access", "kopf.activities.prob", "Timer '")
WHERE = "jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{'\\n'}{end}"


def postmortem(kube: Kubectl) -> str:
    """The pods, the last events, and the last lines of the operators' and autoscalers' logs."""
    try:
        return "\n\n".join(_answers(kube))
    except subprocess.TimeoutExpired as error:
        return str(error)


def _answers(kube: Kubectl) -> Iterator[str]:
    yield _answer(kube, "get", "pods", "-A", "-o", "wide")
    yield _answer(kube, "get", "events", "-A", "--sort-by=.lastTimestamp")
    for selector in LOGS:
        for pod in kube.run("get", "pods", "-A", "-l", selector, "-o", WHERE).stdout.splitlines():
            namespace, name = pod.split()
            yield _answer(kube, "logs", "-n", namespace, name, "--tail=300")


def _answer(kube: Kubectl, *question: str) -> str:
    """The last lines of what kubectl answers."""
    done = kube.run(*question)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if not any(it in line for it in NOISE)]
    return "\n".join([f"$ kubectl {' '.join(question)}", *lines[-LINES:]])
