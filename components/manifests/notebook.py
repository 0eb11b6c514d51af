"""Renders the notebook next to a cluster: a Deployment of JupyterLab, its settings, and the Service that leads to it.

They are the program's own objects, not the operator's. The notebook's scheduler is the one behind the endpoint, so its
pod stays as it is when the cluster behind the endpoint is replaced.
"""

import json

from ..manifests import pod as podspec
from ..manifests.context import PodContext, Spec, annotate
from ..manifests.dashboard import dashboard_host
from ..manifests.metadata import pod_metadata
from ..settings.cluster import Cluster
from ..settings.formats.names import versioned
from ..settings.notebook import Notebook
from ..settings.pod import PodSettings
from ..settings.pod_merge import laid_over
from ..vocabulary import COMPONENT, INSTANCE, NOTEBOOK_PATH, NOTEBOOK_PORT, NOTEBOOK_VOLUME, SKIP_AWAIT

ROLE = "notebook"
# The home and the group of upstream's image (dask-docker, notebook/Dockerfile: NB_USER, NB_GID).
_HOME, _GROUP_ID = "/home/jovyan", 100
_EXTENSION, _NOTIFICATIONS = "dask-labextension:plugin", "@jupyterlab/apputils-extension:notification"


def name(context: PodContext) -> str:
    """The name of its objects."""
    return f"{context.name}-notebook"


def token_secret(notebook: Notebook, context: PodContext) -> str:
    """The Secret with the key `token`."""
    return context.secret(notebook.token_secret) if notebook.token_secret else name(context)


def lab_settings(settings: Cluster, context: PodContext) -> Spec:
    """The ConfigMap with JupyterLab's settings: the extension shows the endpoint's dashboard, through JupyterLab."""
    extension = {"hideClusterManager": True}
    if settings.endpoint.dashboard.enabled:
        # The browser asks for the dashboard, because JupyterLab itself would ask without the user's token.
        extension |= {"defaultURL": f"{_proxied(settings, context)}/", "browserDashboardCheck": True}
    # Otherwise JupyterLab asks every user whether it may fetch news from the internet.
    overrides = {_EXTENSION: extension, _NOTIFICATIONS: {"fetchNews": "false"}}
    data = {"overrides.json": json.dumps(overrides, sort_keys=True)}
    return context.object("ConfigMap", versioned(name(context), data)) | {"data": data}


def deployment(settings: Cluster, notebook: Notebook, context: PodContext, address: str) -> Spec:
    """The Deployment. `address` is the endpoint's."""
    pod = settings.notebook_pod(notebook)
    body = context.object("Deployment", name(context))
    selector = {INSTANCE: context.name, COMPONENT: ROLE}
    plain = spec(settings, notebook, pod, context, address)
    template = {"metadata": pod_metadata(context, pod, selector), "spec": laid_over(plain, pod.pod_template)}
    # A claim may belong to one pod at a time.
    rollout = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": selector}}
    return body | {"spec": rollout | {"template": template}}


def spec(settings: Cluster, notebook: Notebook, pod: PodSettings, context: PodContext, address: str) -> Spec:
    """The pod's spec, without what a `podTemplate` says."""
    hosts = ["localhost", "127.0.0.1", dashboard_host(settings, context)]
    arguments = [
        *("jupyter", "lab", "--no-browser", "--ServerApp.ip=*", f"--ServerApp.port={notebook.port}"),
        *("--ServerApp.port_retries=0", f"--LabApp.app_settings_dir={NOTEBOOK_PATH}"),
        # Where JupyterLab may lead a browser to: the dashboard.
        f"--ServerProxy.host_allowlist={json.dumps(hosts)}",
        *notebook.extra_args,
    ]
    link = f"{_proxied(settings, context)}/status" if settings.endpoint.dashboard.enabled else ""
    token = {"secretKeyRef": {"name": token_secret(notebook, context), "key": "token"}}
    made = podspec.notebook(pod, context, notebook.port, arguments, address, link, token)
    volume = {"name": NOTEBOOK_VOLUME, "configMap": {"name": lab_settings(settings, context)["metadata"]["name"]}}
    made["volumes"] = [*made.get("volumes", ()), volume]
    [container] = made["containers"]
    mount = {"name": NOTEBOOK_VOLUME, "mountPath": NOTEBOOK_PATH, "readOnly": True}
    container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]
    if context.restricted:
        made["securityContext"] |= {"runAsGroup": _GROUP_ID, "fsGroup": _GROUP_ID}
        container["env"] = [_at_home(it, pod) for it in container["env"]]
    return made


def service(notebook: Notebook, context: PodContext) -> Spec:
    """The Service that browsers connect to."""
    endpoint = notebook.endpoint
    body = context.object("Service", name(context))
    # Pulumi's own wait costs 10 s, and the Deployment is waited for.
    waited = endpoint.type == "LoadBalancer"
    annotations = ({} if waited else {SKIP_AWAIT: "true"}) | endpoint.annotations
    if annotations:
        annotate(body, annotations)
    port: Spec = {"name": NOTEBOOK_PORT, "port": notebook.port, "targetPort": NOTEBOOK_PORT, "protocol": "TCP"}
    port |= {"nodePort": endpoint.node_port} if endpoint.node_port else {}
    selector = {INSTANCE: context.name, COMPONENT: ROLE}
    made: Spec = {"type": endpoint.type, "selector": selector, "ports": [port]}
    if endpoint.source_ranges:
        made["loadBalancerSourceRanges"] = list(endpoint.source_ranges)
    return body | {"spec": made}


def _proxied(settings: Cluster, context: PodContext) -> str:
    """The path of the dashboard in JupyterLab (jupyter-server-proxy)."""
    return f"/proxy/{dashboard_host(settings, context)}:{settings.scheduler.dashboard_port}"


def _at_home(variable: Spec, pod: PodSettings) -> Spec:
    return variable | {"value": _HOME} if variable["name"] == "HOME" and "HOME" not in pod.env else variable
