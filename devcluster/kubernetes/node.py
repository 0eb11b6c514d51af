"""The nodes of a cluster: their directories, their configuration and their first processes.

A node sees the host's file system, except for the few paths that Kubernetes and containerd hard-code: there it has its
own directories by bind mounts in its own mount namespace (`_binds`), so several nodes never meet in them.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from devcluster.kubernetes import cgroups, components, images, network, packages, pki, state, templates
from devcluster.shell import DevclusterError, plain_environment

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
# Hard-coded somewhere in the node's programs -> our directory that replaces it. /var/lib/kubelet: its
# device-plugins; /var/lib/cni: libcni's cache. /run/containerd, see `_binds`, has the shims' sockets.
OWN_DIRECTORIES = {
    "/var/lib/kubelet": "kubelet",
    "/var/lib/cni": "cni",
    "/var/log/pods": "pods",
    "/var/log/containers": "containers",
}
# The kubelet sets these host-wide (container_manager_linux.go, setupKernelTunables) and refuses to start if it cannot.
# It finds them as it wants them in files of ours, and the host keeps its own.
KERNEL_TUNABLES = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def lib(cluster: state.Cluster, number: int) -> Path:
    """What a node keeps on disk."""
    return cluster.lib / f"node-{number}"


def first_group(number: int) -> str:
    """The cgroup, below the cluster's, that holds a node's first process and nothing else: empty, the node is dead.

    The node's other programs are in `node-<number>/system`, its pods in `node-<number>/kubepods`.
    """
    return f"node-{number}/first"


def logs(cluster: state.Cluster, number: int) -> Path:
    """One file per component, and supervisor.log."""
    return lib(cluster, number) / "log"


def configure(cluster: state.Cluster, number: int) -> Path:
    """Write everything a node reads and return the supervisor's file."""
    home = lib(cluster, number)
    for directory in ("cni-config", "log", "etcd", "opt", *OWN_DIRECTORIES.values()):
        (home / directory).mkdir(parents=True)
    cluster.containerd_socket(number).parent.mkdir(parents=True)
    values = {
        "lib": home,
        "pause": images.PAUSE,
        "cni_plugins": packages.cni_plugins(),
        "snapshotter": _snapshotter(cluster),
        "pod_subnet": network.pod_subnet(number),
        "pods": network.POD_SUBNET,
        "pki": pki.directory(cluster),
        "kubeconfigs": pki.kubeconfigs(cluster),
        "cgroup_root": f"{cgroups.root(cluster.name)}/node-{number}",
        "dns": network.DNS_ADDRESS,
        "node": cluster.node_name(number),
    }
    for name in ("containerd.toml", "kubelet.yaml", "kube-proxy.yaml", "cni.conflist"):
        target = home / ("cni-config/10-dask-local.conflist" if name == "cni.conflist" else name)
        target.write_text(templates.render(name, **values))
    (home / "resolv.conf").write_text("")
    spec = {
        "hostname": cluster.node_name(number),
        "binds": _binds(cluster, number),
        "environment": plain_environment(path=cluster.bin),
        "cgroups": [str(path) for path in cgroups.create(cluster.name, f"node-{number}/system")],
        "logs": str(logs(cluster, number)),
        "ca": str(pki.directory(cluster) / "ca.crt"),
        "components": components.of_node(cluster, number, home, CONTAINERD_SOCKET),
    }
    file = home / "supervisor.json"
    file.write_text(json.dumps(spec, indent=1))
    return file


def _binds(cluster: state.Cluster, number: int) -> list[list[str]]:
    home = lib(cluster, number)
    binds = [[str(cluster.containerd_socket(number).parent), str(Path(CONTAINERD_SOCKET).parent)]]
    binds += [[str(home / source), target] for target, source in OWN_DIRECTORIES.items()]
    for _, target in binds:
        Path(target).mkdir(parents=True, exist_ok=True)  # the empty mount point stays: other clusters may be using it
    for name, value in KERNEL_TUNABLES.items():
        file = home / "sysctl" / name.replace("/", ".")
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{value}\n")
        binds.append([str(file), f"/proc/sys/{name}"])
    return binds


def _snapshotter(cluster: state.Cluster) -> str:
    """overlayfs cannot lie on overlayfs (a machine that is a container itself): there, plain copies."""
    kind = subprocess.run(
        ["stat", "--file-system", "--format=%T", cluster.lib], capture_output=True, text=True, check=True
    )
    return "native" if kind.stdout.strip() == "overlayfs" else "overlayfs"


def start(cluster: state.Cluster, number: int, spec: Path) -> None:
    """Start a node's first process: detached from the caller, in the node's cgroup before it can do anything else."""
    groups = cgroups.create(cluster.name, first_group(number))
    namespaces = ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
    first = [
        *("nsenter", f"--net=/run/netns/{state.namespace(cluster.name, number)}"),
        *("unshare", *namespaces),
        *(sys.executable, "-I", str(Path(__file__).parent / "supervisor.py"), str(spec)),
    ]
    with (logs(cluster, number) / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            cgroups.joining(groups, first),
            env=plain_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    while first_process(cluster, number) is None and process.poll() is None:
        time.sleep(0.01)


def first_process(cluster: state.Cluster, number: int) -> int | None:
    """The pid of a node's first process as the host sees it, or None: it does not run. Killing it ends the node."""
    return min(cgroups.pids(cluster.name, first_group(number)), default=None)


def explain(cluster: state.Cluster, failed: str) -> DevclusterError:
    """An error with where to look: the last line of each log of node 1."""
    lines: list[str] = []
    for log in sorted(logs(cluster, 1).glob("*.log")):
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        lines += [f"  {log}: {line[-300:]}" for line in last]
    return DevclusterError(
        "\n".join([f"{failed}; the last line of each log:", *lines])
        + f"\nRun `python3 -m devcluster.kubernetes down --name {cluster.name}` and `up` again"
    )
