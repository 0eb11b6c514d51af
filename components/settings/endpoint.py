"""The settings of a cluster's endpoint, under `endpoint`."""

from typing import Literal

from ..settings.dashboard import Dashboard, DashboardOrSwitch
from ..settings.fields import Annotations, Cidr, Host, LabelKey, Model, Port


class NodePorts(Model):
    """The ports on every node, from the range of your Kubernetes cluster: 30000 to 32767 unless its API server sets
    another one (`--service-node-port-range`). Kubernetes picks the ports that are not set; the outputs show them."""

    scheduler: Port | None = None
    """The port that clients connect to."""
    dashboard: Port | None = None
    """The port of the dashboard."""


class Endpoint(Model):
    """How clients reach the scheduler: a Service that keeps its address when the cluster behind it changes."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """The Service's type: inside Kubernetes only, on every node, or through a load balancer."""
    node_ports: NodePorts = NodePorts()
    """The ports on every node, for NodePort and LoadBalancer."""
    host: Host = "auto"
    """The host in the printed addresses. `auto`: an address of a node, of the load balancer, or the Service's name."""
    source_ranges: tuple[Cidr, ...] = ()
    """The CIDR ranges that may connect through a load balancer."""
    dashboard: DashboardOrSwitch = Dashboard()
    """Whether the endpoint exposes the dashboard as well, or the name that an ingress or a gateway serves it under."""
    load_balancer_class: LabelKey | None = None
    """The implementation of the load balancer, such as `service.k8s.aws/nlb`. The API server never lets it change."""
    external_traffic_policy: Literal["Cluster", "Local"] | None = None
    """`Local`: only the node of the scheduler's pod answers, and the pod sees clients' addresses. Default: Cluster."""
    insecure: bool = False
    """Confirms that everyone who can reach the port can run code on the cluster. Required without TLS, unless the type
    is ClusterIP."""
    annotations: Annotations = {}
    """Annotations of the Service, such as a cloud's load balancer settings."""

    @property
    def exposes_dashboard(self) -> bool:
        """Whether the dashboard is a port of the endpoint itself."""
        return self.dashboard.enabled and self.dashboard.hostname is None
