"""The one error of everything that looks at or changes a Kubernetes cluster."""

import pulumi


class ClusterError(pulumi.RunError):
    """Something on the Kubernetes cluster stands in the way. The message says what, why and what helps."""
