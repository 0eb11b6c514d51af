"""Asks a scheduler how many clients and tasks it has.

Through the API server's proxy, which works with TLS clusters and with any version of Dask; where the API server cannot
reach the pods (private GKE, EKS with strict security groups), through the kubelet of the scheduler's pod.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from ..kube import client as kube
from ..kube import port_forward
from ..kube.client import Object
from ..kube.errors import ClusterError
from ..kube.paths import path
from ..manifests.services import scheduler_selector
from ..vocabulary import DASHBOARD

COUNTS = "/json/counts.json"
# The way that has answered, for each client of the API: the others are tried after it.
_answered: "WeakKeyDictionary[kube.Api, str]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Load:
    """What is left on a scheduler. `tasks` are computing, waiting or held in memory for a client."""

    clients: int
    tasks: int

    def __str__(self) -> str:
        return f"{self.clients} client{'s' * (self.clients != 1)} and {self.tasks} task{'s' * (self.tasks != 1)}"


@dataclass(frozen=True)
class Silent:
    """A scheduler that runs and does not answer: it computes a large graph, or it cannot be reached."""

    reason: str

    def __str__(self) -> str:
        return f"a scheduler that runs and does not answer ({self.reason})"


async def look(client: kube.Api, namespace: str, name: str) -> Load | Silent | None:
    """The load of a scheduler; None if none is running. Raises `ClusterError` without permission to ask."""
    failures: dict[str, Exception] = {}
    for way in sorted(_WAYS, key=lambda it: it != _answered.get(client)):
        try:
            counts = await _WAYS[way](client, namespace, name)
            found = None if counts is None else load(counts)
        except _failing() as error:
            failures[way] = error
            continue
        if found is not None:
            _answered[client] = way
        return found
    if all(map(_is_forbidden, failures.values())):
        raise ClusterError(
            f"cannot tell whether {name} is still busy: missing permission to `get` `services/proxy`, or to `get` and "
            f"`create` `pods/portforward`, in the namespace '{namespace}'; grant one of the two, or set "
            "`drainTimeout: 0s`, which disconnects its clients"
        )
    return Silent("; ".join(f"{way}: {_words(error)}" for way, error in failures.items()))


def load(counts: dict[str, int]) -> Load:
    """What a scheduler's `counts.json` says. It counts itself, as the client `fire-and-forget`."""
    return Load(clients=max(0, counts["clients"] - 1), tasks=counts["tasks"])


async def _by_proxy(client: kube.Api, namespace: str, name: str) -> Any:
    return await kube.once(client, f"{scheduler_pages(namespace, name)}/counts.json")


def scheduler_pages(namespace: str, name: str) -> str:
    """The path of a scheduler's JSON pages, through the API server."""
    return f"{path('Service', namespace, f'{name}-scheduler:{DASHBOARD}')}/proxy/json"


async def _by_kubelet(client: kube.Api, namespace: str, name: str) -> Any:
    """None if no scheduler runs. One whose image is missing, or that has ended, has no work to lose."""
    found = await kube.items(client, path("Pod", namespace), scheduler_selector(name))
    pods = [pod for pod in found if _runs(pod)]
    if not pods:
        return None
    return await port_forward.get_json(client, namespace, pods[0]["metadata"]["name"], _port(pods[0]), COUNTS)


_WAYS: dict[str, Callable[[kube.Api, str, str], Awaitable[Any]]] = {
    "by the API server's proxy": _by_proxy,
    "by a port-forward": _by_kubelet,
}


def _runs(pod: Object) -> bool:
    return any("running" in status.get("state", {}) for status in pod.get("status", {}).get("containerStatuses", []))


def _port(pod: Object) -> int:
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
    return next(port["containerPort"] for port in ports if port.get("name") == DASHBOARD)


def _failing() -> tuple[type[Exception], ...]:
    import httpx

    answers = (kube.ServerError, httpx.TransportError)
    return (*answers, port_forward.ForwardError, ValueError, KeyError, TypeError)


def _is_forbidden(error: Exception) -> bool:
    return kube.forbidden(error) or getattr(error, "status", None) == 403


def _words(error: Exception) -> str:
    """Why there is no answer, in one line: the status, and what the API server or the scheduler says."""
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {kube.REQUEST_SECONDS} s"
    if isinstance(error, ValueError | KeyError | TypeError):
        return f"its answer cannot be read: {error!r}"
    response = getattr(error, "response", None)
    text = " ".join(str(error).split())[:160]
    return text if response is None or str(response.status_code) in text else f"{response.status_code} {text}"
