"""Hosts the component package `dask-on-kubernetes`, so that programs in any Pulumi language can use it."""

import sys
from pathlib import Path

# The components are the repository's own, one folder up; a package that was added from git has the whole repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clusters import PACKAGE, DaskCluster
from pulumi.provider.experimental import component_provider_host

if __name__ == "__main__":
    component_provider_host(name=PACKAGE, components=[DaskCluster])
