"""Words that several layers share: labels, annotations, ports, volumes, API versions and default images.

Other systems read these names (the operator, Kubernetes, Pulumi, the users' clients), so they are a contract.
"""

# Labels. https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels
NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
PART_OF = "app.kubernetes.io/part-of"
# The operator puts these on everything that it creates (controller.py).
CLUSTER_NAME = "dask.org/cluster-name"
COMPONENT = "dask.org/component"
WORKER_GROUP = "dask.org/workergroup-name"
NO_SIDECAR = "sidecar.istio.io/inject"
# The component that the address of a suspended cluster leads to, which no pod is.
SUSPENDED = "suspended-scheduler"
# Linkerd's, an annotation.
NO_PROXY_INJECTED = "linkerd.io/inject"

# Annotations of this program: the id of the owner's state, what a namespace is for, which Job has verified a cluster,
# and which chart a CRD is of.
OWNER = "dask-on-kubernetes/owner"
ROLE = "dask-on-kubernetes/role"
VERIFIED = "dask-on-kubernetes/verified"
CRD_CONTENT = "dask-on-kubernetes/content"
CRD_CHART_VERSION = "dask-on-kubernetes/chart-version"
# Where the dashboard's login is asked for, in the user's words. Policies read it.
LOGIN = "dask-on-kubernetes/login"
# kopf writes it when it has handled an object. An object that carries it is not new to the operator.
LAST_HANDLED = "kopf.zalando.org/last-handled-configuration"
# On a DaskJob that is the record of one that has succeeded. The autoscaler of a job reads it (scripts/elastic_api.py).
RECORD = "dask-on-kubernetes/record"
# Read by every provider; `enablePatchForce` is read by 4.29 and newer. A field that another tool has set is set back.
PATCH_FORCE = "pulumi.com/patchForce"
SKIP_AWAIT = "pulumi.com/skipAwait"

# Ports of the operator's Service and of the pods, and of the endpoint.
COMM_PORT, DASHBOARD_PORT = 8786, 8787
COMM, DASHBOARD = "tcp-comm", "http-dashboard"
ENDPOINT_COMM, ENDPOINT_DASHBOARD = "dask-tcp-comm", "dask-http-dashboard"

# The field manager of the autoscaler: the owner of the numbers of workers that it has written (scripts/elastic_api.py).
AUTOSCALER = "dask-autoscaler"

# Where the certificates are mounted.
TLS_VOLUME, TLS_PATH = "dask-tls", "/etc/dask-tls"

# The settings of a notebook's JupyterLab, and its port.
NOTEBOOK_VOLUME, NOTEBOOK_PATH, NOTEBOOK_PORT = "dask-notebook", "/etc/dask-notebook", "http-notebook"

# The operator calls the default workers of a DaskCluster `<cluster>-default`.
DEFAULT_GROUP = "default"

DASK_IMAGE = "ghcr.io/dask/dask:2026.8.0-py3.11"
OPERATOR_IMAGE = "ghcr.io/dask/dask-kubernetes-operator"

_DASK, _MONITORING, _RBAC = "kubernetes.dask.org/v1", "monitoring.coreos.com/v1", "rbac.authorization.k8s.io/v1"
API_VERSIONS = {
    "DaskAutoscaler": _DASK,
    "DaskCluster": _DASK,
    "DaskJob": _DASK,
    "DaskWorkerGroup": _DASK,
    "ConfigMap": "v1",
    "CronJob": "batch/v1",
    "Event": "v1",
    "Namespace": "v1",
    "Node": "v1",
    "Pod": "v1",
    "PersistentVolumeClaim": "v1",
    "Secret": "v1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "PodDisruptionBudget": "policy/v1",
    "Ingress": "networking.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "Certificate": "cert-manager.io/v1",
    "PodMonitor": _MONITORING,
    "PrometheusRule": _MONITORING,
    "ServiceMonitor": _MONITORING,
    "ClusterRole": _RBAC,
    "ClusterRoleBinding": _RBAC,
    "Role": _RBAC,
    "RoleBinding": _RBAC,
}
DASK_API = API_VERSIONS["DaskCluster"]
