"""Many workers, and many clusters: seconds, processor seconds, and requests and bytes at the API server.

    .venv/bin/python -m bench.scale                              # 100 and 1,000 workers; 10, 30 and 100 clusters
    .venv/bin/python -m bench.scale --workers 50 250 --clusters 10 40

The workers are pods on nodes that kwok plays: nothing runs in them. The operator and the scheduler of the one big
cluster are real. The report has the file names that the other benches' have: bench/results/scale-<date>.json, scale.md.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench import counting, place
from bench.alone import apply, await_pods, scale
from bench.place import Place, empty, facts, own_cluster
from bench.results import RESULTS, failure, new_report, save
from bench.scale_report import markdown
from bench.stack import NAME, Stack, ours
from bench.stopwatch import Stopwatch
from devcluster import kwok

CLUSTERS = "daskclusters.kubernetes.dask.org"
STEP_SECONDS = 900
FAKE_NODES = 4
ON_FAKE_NODES = {"nodeSelector": kwok.LABELS, "tolerations": [kwok.TAINT | {"operator": "Equal"}]}
IMAGE = "ghcr.io/dask/dask:2026.8.0-py3.11"


def one_cluster(workers: int) -> dict[str, Any]:
    """A real scheduler and that many fake workers, which compute nothing: nothing can be verified."""
    one = {
        "image": IMAGE,
        "verify": False,
        "readyTimeout": f"{STEP_SECONDS}s",
        "endpoint": {"type": "ClusterIP"},
        "workers": {"replicas": workers, "podTemplate": ON_FAKE_NODES},
    }
    return {"dask:namespace": {"name": "bench"}, "dask:clusters": {"big": one}}


def many_clusters(count: int) -> dict[str, Any]:
    """That many clusters of one fake scheduler and one fake worker."""
    one = one_cluster(1)["dask:clusters"]["big"] | {"scheduler": {"podTemplate": ON_FAKE_NODES}}
    return {"dask:namespace": {"name": "bench"}, "dask:clusters": {f"c{number:03}": one for number in range(count)}}


@dataclass(frozen=True)
class Bench:
    """The stack, whose commands go through the counting proxy, and what was measured so far."""

    stack: Stack
    direct: Place
    """The same Kubernetes without the proxy."""
    counts: str
    report: dict[str, Any]
    results: Path

    def measure(self, step: str, clusters: int, workers: int, run: Callable[[], object]) -> None:
        """One step, once. A failure is a result too. The report is saved after each."""
        result: dict[str, Any] = {"step": step, "clusters": clusters, "workers": workers}
        result["loadBefore"] = round(os.getloadavg()[0], 2)
        before, watch = counting.so_far(self.counts), Stopwatch()
        try:
            run()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            result["failure"] = failure(error)
        result |= {"seconds": watch.passed(), "cpu": watch.cpu()}
        result |= counting.since(before, counting.so_far(self.counts))
        self.report["results"].append(result)
        print(result, flush=True)
        save("scale", self.report, markdown(self.report), self.results)

    def up(self) -> None:
        """`pulumi up`, as it is run in a terminal without a preview."""
        self.run(*self.stack.command("up", "--yes", "--skip-preview"))

    def up_and_wait(self, workers: int) -> None:
        """`pulumi up`, and until the pods of its only cluster are ready: without a verify Job, it returns earlier."""
        self.up()
        [cluster] = self.direct.items(CLUSTERS)
        await_pods(self.direct, cluster["metadata"]["name"], workers + 1, STEP_SECONDS)

    def run(self, *command: str) -> None:
        """Raises `CalledProcessError` with what the command said."""
        self.stack.place.run(*command, timeout=STEP_SECONDS)

    def look(self, tool: str) -> None:
        """What `make status` and `make drift` run."""
        self.run(sys.executable, "-m", tool, "--stack", NAME, "--cwd", str(self.stack.folder))

    def looks(self, clusters: int, workers: int) -> None:
        """All that changes nothing."""
        self.measure("up, nothing changed", clusters, workers, self.up)
        self.measure("preview", clusters, workers, lambda: self.run(*self.stack.command("preview")))
        self.measure("status", clusters, workers, lambda: self.look("tools.status"))
        self.measure("drift", clusters, workers, lambda: self.look("tools.drift"))


def workers(bench: Bench, sizes: list[int]) -> None:
    """One cluster with ever more workers, by this project; then the same DaskCluster by kubectl and the operator."""
    for position, size in enumerate(sizes):
        bench.stack.configure(one_cluster(size))
        bench.measure("scale" if position else "up", 1, size, partial(bench.up_and_wait, size))
        bench.looks(1, size)
    [body] = bench.direct.items(CLUSTERS)
    bench.stack.configure(one_cluster(sizes[0]) | {"dask:clusters": {}})
    bench.up()
    for position, size in enumerate(sizes):
        alone = partial(scale if position else apply, bench.stack.place, body, size, STEP_SECONDS)
        bench.measure("operator alone: scale" if position else "operator alone: up", 1, size, alone)
    bench.stack.place.kubectl("delete", "daskcluster", "alone", "--namespace=bench", "--timeout=300s")


def clusters(bench: Bench, sizes: list[int]) -> None:
    """Ever more clusters in one stack."""
    for position, size in enumerate(sizes):
        bench.stack.configure(many_clusters(size))
        bench.measure("more clusters" if position else "up", size, size, bench.up)
        bench.looks(size, size)


@contextmanager
def prepared(options: argparse.Namespace) -> Iterator[Bench]:
    """A Kubernetes with the operator and fake nodes, and a stack without clusters in it."""
    with own_cluster(keep=options.keep) as here, kwok.fake_nodes(place.NAME, FAKE_NODES):
        empty(here)
        here.forget_stacks()
        target = here.scratch / "counted.kubeconfig"
        with counting.counting(Path(here.kubeconfig), target) as counts:
            stack = ours(replace(here, kubeconfig=str(target)))
            stack.create()
            stack.configure(one_cluster(0) | {"dask:clusters": {}})
            bench = Bench(stack, here, counts, new_report(1, facts(here)), options.results)
            bench.up()
            yield bench


def main(argv: list[str] | None = None) -> int:
    """Runs the steps and writes the report."""
    options = _parse(argv)
    with prepared(options) as bench:
        if options.workers:
            workers(bench, options.workers)
        if options.clusters:
            clusters(bench, options.clusters)
        print(markdown(bench.report))
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description="What many workers and clusters cost.")
    parser.add_argument("--workers", type=int, nargs="*", default=[100, 1000], help="of the one cluster, ascending")
    parser.add_argument("--clusters", type=int, nargs="*", default=[10, 30, 100], help="in one stack, ascending")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the files go (default: bench/results)")
    parser.add_argument("--keep", action="store_true", help="leave the bench's Kubernetes running")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
