"""Who may connect to the pods of a namespace with network policies: an address range, or pods of another namespace."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from ..settings.fields import Cidr, Instead, Model, Name, Selector
from ..settings.formats.addresses import CIDR, cidr
from ..settings.mistakes import invalid


class Peer(Model):
    """An address range, or pods of a namespace: of an ingress controller, of Prometheus, of JupyterHub. A range alone,
    `10.0.0.0/8`, stands for `cidr`."""

    cidr: Cidr | None = None
    """The address range."""
    namespace: Name | None = None
    """The namespace."""
    pods: Selector = {}
    """Labels of the pods there. Default: all pods of the namespace."""


def _range(value: Any) -> Any:
    if isinstance(value, str):
        return {"cidr": cidr(value)}
    if isinstance(value, dict | Peer):
        return value
    fix = "write one such as '10.0.0.0/8' or '{namespace: monitoring}'"
    raise invalid("must be an address range or a mapping", fix)


PeerOrRange = Annotated[Peer, BeforeValidator(_range), Instead({"type": "string", "pattern": f"^(?:{CIDR})$(?!\\n)"})]
