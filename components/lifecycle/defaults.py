"""What the API server fills in where nothing is declared, if it is always the same.

(kubernetes/pkg/apis/core/v1/defaults.go. What depends on the Kubernetes cluster, such as addresses, is not here.)
"""

from ..manifests.context import Spec
from ..manifests.declared import DeclaredCluster

OF_PODS: Spec = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
}
_OF_SERVICES: Spec = {"sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "externalIPs": []}


def of_service(cluster: DeclaredCluster) -> Spec:
    """Those of the operator's Service. That of an adopted cluster has a declaration of its own."""
    return {} if cluster.settings.adopt else _OF_SERVICES


def filled_in(defaults: Spec, live: Spec) -> Spec:
    """The defaults of the fields that a live object has."""
    return {key: value for key, value in defaults.items() if key in live}
