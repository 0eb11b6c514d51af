"""The settings of a notebook next to a cluster."""

from typing import Literal

from ..settings.fields import Annotations, Cidr, Host, Image, Model, ObjectName, Port
from ..settings.pod import PodSettings


class NotebookEndpoint(Model):
    """How browsers reach the notebook: a Service of its own."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """The Service's type. `make connect` forwards a port to the notebook, whatever its type is."""
    node_port: Port | None = None
    """The port on every node, for NodePort and LoadBalancer. Default: Kubernetes picks one."""
    host: Host = "auto"
    """The host in the printed address. `auto`: an address of a node, of the load balancer, or the Service's name."""
    source_ranges: tuple[Cidr, ...] = ()
    """The CIDR ranges that may connect through a load balancer."""
    insecure: bool = False
    """Confirms that the token crosses the network unencrypted, because JupyterLab speaks plain HTTP. Required unless
    the type is ClusterIP."""
    annotations: Annotations = {}
    """Annotations of the Service, such as a cloud's load balancer settings."""


class Notebook(PodSettings):
    """JupyterLab with Dask's extension, in a pod next to the cluster, whose `Client()` connects to it. The pod's
    settings default to those of the cluster."""

    image: Image | None = None
    """The image, with a tag. Default: `dask-notebook` next to the cluster's `dask` image, with the same tag."""
    port: Port = 8888
    """The port of JupyterLab."""
    endpoint: NotebookEndpoint = NotebookEndpoint()
    """How browsers reach it."""
    token_secret: ObjectName | None = None
    """A Secret that exists, or the name of an entry of `dask:secrets`, with the key `token`. Default: a token is
    generated once, and is a secret output."""
    extra_args: tuple[str, ...] = ()
    """Additional arguments of `jupyter lab`."""
