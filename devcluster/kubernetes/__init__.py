"""A Kubernetes of one node (or two) from Go modules and Debian packages, for a machine without image registries.

`up` starts a cluster of the given name and prints the path of its kubeconfig (context `dask-local-<name>`).
It needs root, Linux, Python 3.11 (standard library only) and Go 1.25; the rest comes by apt and the Go module proxy.

    python3 -m devcluster.kubernetes up            python3 -m devcluster.kubernetes --help

A node is a tree of processes in network, mount, pid, uts and ipc namespaces of its own. The host sees one bridge and
one veth pair per node, so NodePorts answer at the node's address. The host's iptables stay as they are, and of its
sysctls only the inotify limits are raised where they are too low (`limits`). Pods have no way out of the machine; they
reach the host at the bridge's address (the `.1` of the cluster's subnet).

Where things are, for every checkout on the machine (a cluster of one name exists once per machine):
    /var/lib/dask-local/<name>/          record, kubeconfig, PKI, etcd, images, logs
    /run/dask-local/<name>/              sockets
    /sys/fs/cgroup/**/dask-local-<name>  every process of the cluster; the truth on whether it runs
    $XDG_CACHE_HOME/dask-on-kubernetes/  the built binaries, by a hash of their sources

Module walk: `__main__` (commands) -> `cluster` (up, down, status) -> `packages`, `build`, `network`, `pki`, `node`,
`images`, `cgroups`, `state`; `components` has the flags of every program; `supervisor` is the first process in a node.
"""
