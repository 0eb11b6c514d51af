"""The error of everything that reads or changes a Kubernetes cluster."""

import pulumi


class ClusterError(pulumi.RunError):
    """Something on the Kubernetes cluster prevents the run. The message has the object, the reason and a fix."""
