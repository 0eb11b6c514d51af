"""Creates the keys and kubeconfigs of a cluster with kubeadm, below `<lib>/pki` and `<lib>/kubeconfigs`."""

import concurrent.futures
from pathlib import Path

from devcluster.kubernetes import build, network, state, templates
from devcluster.shell import plain_environment, run

ADMINISTRATORS = "system:masters"  # passes every authorization check, also before the RBAC objects exist


def context(name: str) -> str:
    """The name of context, cluster and user in the kubeconfig that users get."""
    return f"dask-local-{name}"


def directory(cluster: state.Cluster) -> Path:
    """The folder of all certificates and keys of a cluster."""
    return cluster.lib / "pki"


def kubeconfigs(cluster: state.Cluster) -> Path:
    """The path of each kubeconfig, by client."""
    return cluster.lib / "kubeconfigs"


def create(cluster: state.Cluster) -> None:
    """Make all certificates and one kubeconfig per client; the users' kubeconfig is written last and atomically."""
    config = cluster.lib / "kubeadm.yaml"
    config.write_text(
        templates.render(
            "kubeadm.yaml",
            context=context(cluster.name),
            version=build.kubernetes_version(),
            pki=directory(cluster),
            address=cluster.address(1),
            node=cluster.node_name(1),
            pods=network.POD_SUBNET,
            services=network.SERVICE_SUBNET,
        )
    )
    kubeconfigs(cluster).mkdir(mode=0o700)
    environment = plain_environment(path=cluster.bin)
    run([cluster.bin / "kubeadm", "init", "phase", "certs", "all", "--config", config], env=environment)

    def kubeconfig(file: str, client: str, organization: str = "") -> None:
        member = ["--org", organization] if organization else []
        command = [cluster.bin / "kubeadm", "kubeconfig", "user", "--config", config, "--client-name", client, *member]
        text = run(command, env=environment)
        _private(kubeconfigs(cluster) / file, text)

    clients = [
        (f"{part}.conf", f"system:{part}") for part in ("kube-controller-manager", "kube-scheduler", "kube-proxy")
    ]
    nodes = [cluster.node_name(number) for number in cluster.numbers()]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(kubeconfig, *client) for client in clients]
        jobs += [pool.submit(kubeconfig, f"{node}.conf", f"system:node:{node}", "system:nodes") for node in nodes]
        jobs += [pool.submit(kubeconfig, "admin.conf", context(cluster.name), ADMINISTRATORS)]
        for job in jobs:
            job.result()
    name = context(cluster.name)
    text = (kubeconfigs(cluster) / "admin.conf").read_text().replace(f"{name}@{name}", name)
    _private(cluster.kubeconfig, text)


def _private(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.rename(path)
