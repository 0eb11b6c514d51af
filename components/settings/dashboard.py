"""The settings of the dashboard: a port of the endpoint, or a name of its own behind an ingress or a gateway."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ..settings.fields import Annotations, Hostname, Instead, Model, Name, NamespaceName, ObjectName
from ..settings.mistakes import invalid


class Gateway(Model):
    """A Gateway of the Gateway API that serves the dashboard."""

    name: Annotated[ObjectName, Field(examples=["public"])]
    """Its name."""
    namespace: NamespaceName | None = None
    """Its namespace. Default: the stack's."""
    section_name: Name | None = None
    """The listener. Default: every listener that takes the hostname."""


class Dashboard(Model):
    """How browsers reach the dashboard. `true` or `false` alone stands for `enabled`."""

    enabled: bool = True
    """Whether anything outside of the cluster's own Services exposes the dashboard. It has no login."""
    hostname: Hostname | None = None
    """The name under which an ingress or a gateway serves the dashboard. The dashboard then has a Service of its own
    and is no longer a port of the endpoint, so that the scheduler is not exposed with it."""
    ingress_class: ObjectName | None = None
    """The IngressClass of an Ingress for the hostname."""
    gateway: Gateway | None = None
    """The Gateway of an HTTPRoute for the hostname."""
    tls_secret: ObjectName | None = None
    """The Secret with the hostname's certificate, for an Ingress. Default: the certificate that the ingress has."""
    https: bool = True
    """Whether the printed address starts with `https`."""
    login: str | None = None
    """Where a login is asked for, in your words, if no annotation of the Ingress says it: required then."""
    annotations: Annotations = {}
    """Annotations of the Ingress or the HTTPRoute, such as those for oauth2-proxy or cert-manager."""


def _switch(value: Any) -> Any:
    if isinstance(value, bool):
        return {"enabled": value}
    if isinstance(value, dict | Dashboard):
        return value
    raise invalid("must be true, false or a mapping", "choose one of them")


DashboardOrSwitch = Annotated[Dashboard, BeforeValidator(_switch), Instead({"type": "boolean"}, default=True)]
