"""Rules about the notebook next to a cluster."""

from collections.abc import Iterator

from ...settings.cluster import Cluster
from ...settings.mistakes import Mistake
from ...settings.notebook import Notebook, NotebookEndpoint


def image(cluster: Cluster) -> Iterator[Mistake]:
    """The image follows from the cluster's only if that is one called `dask`."""
    notebook = cluster.notebook
    if notebook and notebook.image is None and cluster.notebook_image(notebook) is None:
        rule = f"is missing, and no image of a notebook follows from the cluster's '{cluster.image}'"
        fix = "add `image` with JupyterLab and the cluster's packages in it"
        yield Mistake(rule, fix, ("notebook", "image"), None)


def exposure(endpoint: NotebookEndpoint) -> Iterator[Mistake]:
    """JupyterLab speaks HTTP, and a user with its token runs code in its pod and on the cluster."""
    if endpoint.type != "ClusterIP" and not endpoint.insecure:
        rule = "sends the token unencrypted"
        fix = "set `insecure: true` if you mean it, or remove the line and use `make connect`"
        yield Mistake(rule, fix, ("type",))
    if endpoint.type == "ClusterIP" and endpoint.node_port is not None:
        yield Mistake("has no meaning for type ClusterIP", "remove it, or use `type: NodePort`", ("nodePort",))
    if endpoint.type != "LoadBalancer" and endpoint.source_ranges:
        fix = "use `dask:namespace.networkPolicies` and `allowFrom`"
        yield Mistake(f"would be ignored for type {endpoint.type}", fix, ("sourceRanges",))


def arguments(notebook: Notebook) -> Iterator[Mistake]:
    """What the program sets itself, because other parts rely on it."""
    taken = ("--ip", "--port", "--ServerApp.ip", "--ServerApp.port", "--ServerApp.token", "--IdentityProvider.token")
    for index, argument in enumerate(notebook.extra_args):
        if (flag := argument.partition("=")[0]) in taken:
            fix = "remove it, and set `tokenSecret`" if flag.endswith("token") else "remove it, and set `port`"
            yield Mistake(f"would change {flag}, which the program sets", fix, ("extraArgs", index))
