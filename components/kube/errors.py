"""The errors of everything that reads or changes a Kubernetes cluster."""

import pulumi


class ClusterError(pulumi.RunError):
    """Something on the Kubernetes cluster prevents the run. The message has the object, the reason and a fix."""


class UnknownClusterError(ClusterError):
    """The Kubernetes cluster is not known yet: its kubeconfig is an output of a resource that does not exist."""

    def __init__(self) -> None:
        super().__init__("the Kubernetes cluster is not known yet: its kubeconfig is an output that `up` will know")
