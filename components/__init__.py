"""Dask clusters on Kubernetes as Pulumi components: `DaskOperator`, `Workspace`, `DaskCluster` and `DaskJob`.

`settings.load()` turns a stack's configuration into one frozen `Settings`; its parts go down into the components.
"""

__version__ = "0.1.0"
