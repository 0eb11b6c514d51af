"""Starts, removes and describes a whole cluster. `up` returns when it is Ready; `down` leaves no trace."""

import hashlib
import time
from pathlib import Path

from devcluster.kubernetes import (
    build,
    cgroups,
    images,
    limits,
    network,
    node,
    packages,
    pki,
    state,
    supervisor,
    templates,
)
from devcluster.shell import DevclusterError, NotRunningError, plain_environment, run, say

READY_SECONDS = 120


def up(name: str, nodes: int | None = None) -> Path:
    """Return the kubeconfig of a Ready cluster of that name; if it does not run, start it, whatever state was left."""
    started = time.monotonic()
    packages.ensure()
    limits.ensure()
    product = build.ensure()
    with state.lock(name):
        cluster = state.load(name)
        if cluster and runs(cluster) and cluster.bin.is_dir():  # the cache may have been emptied
            _check_same(cluster, nodes, product)
            say(f"==> `{name}` is already running; waiting until it is Ready (usually 1 s)")
        else:
            cluster = _start(name, nodes or 1, product, earlier=cluster)
        _apply_manifests(cluster)
        _wait_until_ready(cluster)
        _completed(cluster).touch()
    say(f"==> `{name}` is Ready after {time.monotonic() - started:.1f} s")
    return cluster.kubeconfig


def runs(cluster: state.Cluster) -> bool:
    """Whether its start was completed and the first process of every node runs."""
    alive = all(node.first_process(cluster, number) for number in cluster.numbers())
    return alive and _completed(cluster).exists()


def _completed(cluster: state.Cluster) -> Path:
    return cluster.lib / "completed"


def _check_same(cluster: state.Cluster, nodes: int | None, product: Path) -> None:
    if nodes not in (None, cluster.nodes):
        raise DevclusterError(
            f"--nodes {nodes}: `{cluster.name}` runs with {cluster.nodes}; "
            f"run `down --name {cluster.name}` first, or leave --nodes as it is"
        )
    if Path(cluster.product) != product:
        say(f"    note: it was started with other binaries ({cluster.product}); `down` and `up` renews it")


def _start(name: str, nodes: int, product: Path, earlier: state.Cluster | None) -> state.Cluster:
    if leftovers(name):
        say(f"==> removing the rest of an earlier `{name}` (usually 1 s)")
        _remove(name)
    say("==> making network namespaces and certificates (usually 1 s)")
    cluster = state.create(name, nodes, product, prefer=earlier.index if earlier else None)
    network.create(cluster)
    pki.create(cluster)
    say(f"==> starting {nodes} node(s) (usually 6 s; logs in {cluster.lib}/node-*/log)")
    for number in cluster.numbers():
        node.start(cluster, number, node.configure(cluster, number))
    _equip(cluster)
    return cluster


def _equip(cluster: state.Cluster) -> None:
    """Give starting nodes the images that pods need, and wait for the API server."""
    archive = cluster.lib / "images.tar"
    images.write_archive(archive, images.own_images(cluster))
    _wait_for_containerd(cluster)
    images.load(cluster, [archive])
    _wait_for_api(cluster)


def _apply_manifests(cluster: state.Cluster) -> None:
    """Also on a running cluster: it restores cluster DNS that was deleted, or that an older checkout created."""
    values = {"dns": network.DNS_ADDRESS, "pause": images.PAUSE, "bin": cluster.bin}
    digest = hashlib.sha256(templates.render("manifests.yaml", **values, digest="").encode()).hexdigest()[:16]
    manifests = templates.render("manifests.yaml", **values, digest=digest)
    arguments = ("apply", "--server-side", "--force-conflicts", "--validate=false", "--filename=-")
    kubectl(cluster, *arguments, stdin=manifests)


def _wait_for_containerd(cluster: state.Cluster) -> None:
    deadline = time.monotonic() + READY_SECONDS
    for number in cluster.numbers():
        while not supervisor.answers(str(cluster.containerd_socket(number)), ca=""):
            _still_alive(cluster, number, "containerd's socket", deadline)


def _wait_for_api(cluster: state.Cluster) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not supervisor.answers(f"https://{cluster.address(1)}:6443/readyz", str(pki.directory(cluster) / "ca.crt")):
        _still_alive(cluster, 1, "the API server's /readyz", deadline)


def _still_alive(cluster: state.Cluster, number: int, what: str, deadline: float) -> None:
    if node.first_process(cluster, number) is None:
        raise node.explain(cluster, f"{cluster.node_name(number)} ended while waiting for {what}")
    if time.monotonic() > deadline:
        raise node.explain(cluster, f"{what} of {cluster.node_name(number)} did not answer within {READY_SECONDS} s")
    time.sleep(0.05)


def kubectl(cluster: state.Cluster, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl as the cluster's administrator, without the caller's proxies."""
    cache = f"--cache-dir={cluster.lib / 'kubectl-cache'}"
    command = [cluster.bin / "kubectl", cache, "--kubeconfig", cluster.kubeconfig, *arguments]
    return run(command, env=plain_environment(), stdin=stdin)


def _wait_until_ready(cluster: state.Cluster) -> None:
    timeout = f"--timeout={READY_SECONDS}s"
    nodes = [f"node/{cluster.node_name(number)}" for number in cluster.numbers()]
    try:
        for each in nodes:  # several at once are not waited for: the first that is missing is an error
            kubectl(cluster, "wait", "--for=create", timeout, each)
        kubectl(cluster, "wait", "--for=condition=Ready", timeout, *nodes)
        kubectl(cluster, "--namespace=kube-system", "rollout", "status", timeout, "deployment/coredns")
    except DevclusterError as error:
        raise node.explain(cluster, str(error)) from error


def down(name: str) -> None:
    """Remove everything of that name; nothing of it is an error if there is nothing."""
    with state.lock(name):
        if found := leftovers(name):
            say(f"==> taking `{name}` down (usually 1 s): {', '.join(found)}")
            _remove(name)
    say(f"==> `{name}` is removed")


def _remove(name: str) -> None:
    cgroups.kill(name)
    if packages.find("ip"):
        network.remove(name)
    cgroups.remove(name)
    state.remove(name)


def leftovers(name: str) -> list[str]:
    """What exists of a cluster, in words."""
    processes = len(cgroups.pids(name))
    links = network.links(name) + network.namespaces(name) if packages.find("ip") else []
    groups = len(cgroups.groups(name))
    paths = [str(path) for path in (state.LIB / name, state.RUN / name) if path.exists()]
    return [
        *([f"{processes} processes"] if processes else []),
        *links,
        *([f"{groups} cgroups"] if groups else []),
        *paths,
    ]


def status(name: str) -> tuple[bool, str]:
    """Whether it runs and answers, and a text for the terminal."""
    others = [other for other in state.names() if other != name]
    more = f"\nothers:      {', '.join(others)}" if others else ""
    cluster = state.load(name)
    if cluster is None or not runs(cluster):
        left = leftovers(name)
        state_text = f"not running; left over: {', '.join(left)} (`up` or `down` removes it)" if left else "not running"
        return False, f"cluster:     {name}\nstate:       {state_text}{more}"
    ready = supervisor.answers(f"https://{cluster.address(1)}:6443/readyz", str(pki.directory(cluster) / "ca.crt"))
    lines = [
        f"cluster:     {name}",
        f"state:       {'running' if ready else 'its processes live, but the API server does not answer'}",
        f"context:     {pki.context(name)}",
        f"kubeconfig:  {cluster.kubeconfig}",
        f"host as seen by pods: {cluster.gateway}",
    ]
    for number in cluster.numbers():
        pid, where = node.first_process(cluster, number), node.logs(cluster, number)
        lines.append(f"node:        {cluster.node_name(number)} at {cluster.address(number)}, pid {pid}, logs {where}")
    return ready, "\n".join(lines) + more


def require(name: str) -> state.Cluster:
    """The running cluster of that name, or an error that says how to start it."""
    cluster = state.load(name)
    if cluster is None or not runs(cluster):
        raise NotRunningError(
            f"`{name}` does not run; start it with `python3 -m devcluster.kubernetes up --name {name}`"
        )
    return cluster
