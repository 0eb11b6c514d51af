"""Mistakes in notebooks."""

from typing import Any

from tests.unit.badsettings.cases import Case, cluster


def notebook(**settings: Any) -> dict[str, Any]:
    return cluster(notebook=settings)


NOTEBOOKS = [
    Case(
        "a notebook for an image that upstream does not build",
        cluster(image="example.com/mine:1", notebook={}),
        (
            "dask:clusters.a.notebook.image: is missing, and no image of a notebook follows from the cluster's "
            "'example.com/mine:1'; add `image` with JupyterLab and the cluster's packages in it"
        ),
        schema=False,
    ),
    Case(
        "a notebook for everyone to see",
        notebook(endpoint={"type": "NodePort"}),
        (
            "dask:clusters.a.notebook.endpoint.type: 'NodePort' sends the token unencrypted; set `insecure: true` "
            "if you mean it, or remove the line and use `make connect`"
        ),
        schema=False,
    ),
    Case(
        "a node port of a notebook without any",
        notebook(endpoint={"nodePort": 30888}),
        (
            "dask:clusters.a.notebook.endpoint.nodePort: 30888 has no meaning for type ClusterIP; remove it, or use "
            "`type: NodePort`"
        ),
        schema=False,
    ),
    Case(
        "ranges for a notebook without a load balancer",
        notebook(endpoint={"type": "NodePort", "insecure": True, "sourceRanges": ["10.0.0.0/8"]}),
        (
            'dask:clusters.a.notebook.endpoint.sourceRanges: ["10.0.0.0/8"] would be ignored for type NodePort; use '
            "`dask:namespace.networkPolicies` and `allowFrom`"
        ),
        schema=False,
    ),
    Case(
        "another port of JupyterLab",
        notebook(extraArgs=["--port=9999"]),
        (
            "dask:clusters.a.notebook.extraArgs[0]: '--port=9999' would change --port, which the program sets; remove "
            "it, and set `port`"
        ),
        schema=False,
    ),
    Case(
        "a token among the arguments",
        notebook(extraArgs=["--ServerApp.token=abc"]),
        (
            "dask:clusters.a.notebook.extraArgs[0]: '--ServerApp.token=abc' would change --ServerApp.token, which the "
            "program sets; remove it, and set `tokenSecret`"
        ),
        schema=False,
    ),
    Case(
        "a token in the environment",
        notebook(env={"JUPYTER_TOKEN": "abc"}),
        (
            "dask:clusters.a.notebook.env.JUPYTER_TOKEN: 'JUPYTER_TOKEN' cannot be overridden: `tokenSecret` of the "
            "notebook sets it; remove it"
        ),
    ),
    Case(
        "a notebook's node port that a cluster has",
        {
            "clusters": {
                "a": {"endpoint": {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30786}}},
                "b": {"notebook": {"endpoint": {"type": "NodePort", "insecure": True, "nodePort": 30786}}},
            }
        },
        ("dask:clusters.b.notebook.endpoint.nodePort: 30786 is a node port of the cluster 'a' too; try 30787"),
        schema=False,
    ),
]
