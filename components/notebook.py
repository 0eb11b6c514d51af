"""The DaskNotebook component: JupyterLab next to a cluster, with its token and its Service."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from .children import options_of_children
from .manifests.addresses import notebook_url
from .manifests.declared import DeclaredCluster
from .objects import KubernetesObject


class DaskNotebook(pulumi.ComponentResource):
    """A notebook that is ready, and connected to the cluster's endpoint."""

    url: Output[str | None]
    token: Output[str] | None
    """A secret; None if the token is in a Secret of the user's."""

    def __init__(
        self,
        name: str,
        declared: DeclaredCluster,
        node_hosts: Output[list[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`node_hosts` are addresses of nodes, for the printed address of a NodePort."""
        super().__init__("dask:k8s:Notebook", name, {}, opts)
        settings, self._child = declared.settings.notebook, options_of_children(self, opts)
        assert settings
        bodies = declared.notebook
        own = None if settings.token_secret else self._token(name, declared)
        lab = bodies["ConfigMap"]
        configured = KubernetesObject(lab["metadata"]["name"], lab, self._child())
        limit = pulumi.CustomTimeouts(create=declared.settings.ready_timeout, update=declared.settings.ready_timeout)
        before = [configured, *([own] if own else [])]
        KubernetesObject(name, bodies["Deployment"], self._child(before, custom_timeouts=limit))
        service = KubernetesObject(name, bodies["Service"], self._child())

        def locate(parts: list[Any]) -> str | None:
            return notebook_url(declared, settings, *parts)

        self.url = Output.all(service.spec, service.status, node_hosts).apply(locate)
        self.token = Output.secret(own.data.apply(_token_in)) if own else None
        self.register_outputs({"url": self.url})

    def _token(self, name: str, declared: DeclaredCluster) -> KubernetesObject:
        """A token that is generated once: later runs generate another one, which is ignored."""
        token = {"token": Output.secret(secrets.token_urlsafe(32))}
        body = declared.context.object("Secret", name) | {"stringData": token, "immutable": True}
        return KubernetesObject(name, body, self._child(ignore_changes=["stringData", "data"]))


def _token_in(data: Mapping[str, str] | None) -> str:
    return base64.b64decode(data["token"]).decode() if data and "token" in data else ""
