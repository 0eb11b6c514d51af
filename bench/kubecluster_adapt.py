"""KubeCluster(...).adapt(minimum, maximum) of dask_kubernetes.operator, as a program of its own, because it may hang.

python -m bench.kubecluster_adapt 0 4
"""

import sys

from dask_kubernetes.operator import KubeCluster

from bench.kubecluster import say, spec


def main(minimum: int, maximum: int) -> None:
    """Creates the cluster without workers, and lets it adapt."""
    made = spec(0, "dask worker --nthreads 1")
    cluster = KubeCluster(namespace="default", custom_cluster_spec=made, quiet=True, shutdown_on_close=False)
    cluster.adapt(minimum=minimum, maximum=maximum)
    say("adapts")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
