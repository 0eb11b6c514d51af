"""Hosts the component package `dask-on-kubernetes`, so that programs in any Pulumi language can use it."""

import sys
from pathlib import Path

# The components are the repository's own, one folder up; a package that was added from git has the whole repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi.provider import main

from plugin.package import Package

if __name__ == "__main__":
    main(Package(), sys.argv[1:])
