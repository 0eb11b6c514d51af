"""A forecasting service's own program, with a Dask cluster as one of its parts, in a namespace that exists."""

import sys
from pathlib import Path

import pulumi

# The checkout with the components. A project of yours installs them instead, and leaves this line out:
#   pip install "dask-on-kubernetes @ git+<address of the repository>"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from components import DaskCluster

config = pulumi.Config()
forecast = DaskCluster("forecast", config.require_object("cluster"), config.require("namespace"))

pulumi.export("schedulerAddress", forecast.scheduler_address)
pulumi.export("dashboardUrl", forecast.dashboard_url)
