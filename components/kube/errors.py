"""The errors of everything that reads or changes a Kubernetes cluster."""

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    import httpx


class ClusterError(pulumi.RunError):
    """Something on the Kubernetes cluster prevents the run. The message has the object, the reason and a fix."""


class UnknownClusterError(ClusterError):
    """The Kubernetes cluster is not known yet: its kubeconfig is an output of a resource that does not exist."""

    def __init__(self) -> None:
        super().__init__("the Kubernetes cluster is not known yet: its kubeconfig is an output that `up` will know")


class KubeconfigError(ClusterError):
    """What a kubeconfig says cannot be done, here or by any client. Nothing was asked yet."""


class MissingKubeconfigError(ClusterError):
    """No kubeconfig says which Kubernetes cluster it is, or none has the context. A preview does not need one."""


class ServerError(Exception):
    """The API server has refused a request; the message is its own."""

    def __init__(self, message: str, response: "httpx.Response") -> None:
        super().__init__(message)
        self.response = response
        """The whole answer, whose `status_code` says what kind of refusal it is."""
