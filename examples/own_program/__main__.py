"""A forecasting service's own program, with a Dask cluster as one of its parts.

The namespace and the cluster's settings come from this program's own config. Its other resources can use the
scheduler's address like any output.
"""

import sys
from pathlib import Path

import pulumi

# The checkout with the components. A project of yours installs them instead, and leaves this line out:
#   pip install "dask-on-kubernetes @ git+<address of the repository>"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from components.cluster import DaskCluster
from components.configuration import parse, warnings
from components.kubernetes import connect
from components.lifecycle.labels import part_of
from components.manifests.context import WorkspaceContext
from components.manifests.declared import DeclaredCluster

config = pulumi.Config()
namespace = {"name": config.require("namespace"), "create": False}
clusters = {"forecast": config.require_object("cluster")}
take_over = config.get_bool("takeOver") or False
checked = parse({"namespace": namespace, "clusters": clusters, "takeOver": take_over})
for warning in warnings(checked):
    pulumi.log.warn(warning)

where = connect(checked)
forecast = DaskCluster(
    "forecast",
    DeclaredCluster("forecast", checked.clusters["forecast"], WorkspaceContext(checked.namespace.name, part_of())),
    where.connection,
    node_hosts=where.hosts(checked),
    opts=where.options,
)

pulumi.export("schedulerAddress", forecast.scheduler_address)
pulumi.export("dashboardUrl", forecast.dashboard_url)
