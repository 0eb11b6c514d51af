"""${DESCRIPTION}"""

import pulumi
from dask_on_kubernetes import DaskCluster, DaskOperator, Workspace, export

config = pulumi.Config()
install = config.require_bool("installOperator")

# What a stack file of the main program has under `dask:`, as Python: docs/configuration.md lists every key.
workspace = Workspace(
    "workspace", {"namespace": {"name": config.require("namespace")}, "operator": {"install": install}}
)
first: list[pulumi.Resource] = [workspace]
if install:
    first.append(DaskOperator("operator", {}, opts=pulumi.ResourceOptions(depends_on=[workspace])))

cluster = DaskCluster(
    "analytics",
    {
        "workers": {"replicas": config.require_int("workers")},
        # A port of the nodes that needs the client's certificate, which is the output `clientTls`.
        "tls": {"enabled": True},
        "endpoint": {"type": "NodePort"},
    },
    workspace,
    pulumi.ResourceOptions(depends_on=first),
)

# Other programs read these by a StackReference: schedulerAddress, clusters.analytics.image, clientTls, …
export(workspace, {"analytics": cluster}, {})
