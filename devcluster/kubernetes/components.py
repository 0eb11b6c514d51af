"""The programs of a node and their flags, in the order in which the supervisor starts them.

etcd and containerd start at once; the API server waits for neither (it retries etcd itself); the rest waits for
`/readyz`: controllers and proxies that meet an API server without its RBAC objects back off for seconds.
"""

from pathlib import Path

from devcluster.kubernetes import network, pki, state
from devcluster.kubernetes.supervisor import Component

ETCD = "http://127.0.0.1:2379"  # loopback of the node's own network namespace: no pod reaches it
GENEROUS = ("--kube-api-qps=200", "--kube-api-burst=400")


def of_node(cluster: state.Cluster, number: int, home: Path, containerd_socket: str) -> list[Component]:
    """Node 1 carries the control plane too."""
    ready = f"https://{cluster.address(1)}:6443/readyz"
    kubeconfigs = pki.kubeconfigs(cluster)
    worker: list[Component] = [
        {"name": "containerd", "command": ["/usr/bin/containerd", "--config", f"{home}/containerd.toml"], "after": []},
        {
            "name": "kubelet",
            "command": [
                f"{cluster.bin}/kubelet",
                f"--config={home}/kubelet.yaml",
                f"--kubeconfig={kubeconfigs}/{cluster.node_name(number)}.conf",
                f"--hostname-override={cluster.node_name(number)}",
                f"--node-ip={cluster.address(number)}",
            ],
            "after": [containerd_socket, ready],
        },
        {
            "name": "kube-proxy",
            "command": [f"{cluster.bin}/kube-proxy", f"--config={home}/kube-proxy.yaml"],
            "after": [ready],
        },
    ]
    return worker if number > 1 else _control_plane(cluster, home, ready) + worker


def _control_plane(cluster: state.Cluster, home: Path, ready: str) -> list[Component]:
    keys, kubeconfigs = pki.directory(cluster), pki.kubeconfigs(cluster)
    controller_manager = [f"--{use}={kubeconfigs}/kube-controller-manager.conf" for use in _USES]
    scheduler = [f"--{use}={kubeconfigs}/kube-scheduler.conf" for use in _USES]
    return [
        {
            "name": "etcd",
            "command": [
                f"{cluster.bin}/etcd",
                f"--data-dir={home}/etcd",
                f"--listen-client-urls={ETCD}",
                f"--advertise-client-urls={ETCD}",
                "--log-level=warn",
                "--unsafe-no-fsync",  # the data is thrown away with the cluster
            ],
            "after": [],
        },
        {"name": "kube-apiserver", "command": _api_server(cluster, keys), "after": []},
        {
            "name": "kube-controller-manager",
            "command": [
                f"{cluster.bin}/kube-controller-manager",
                *controller_manager,
                "--bind-address=127.0.0.1",
                f"--cluster-signing-cert-file={keys}/ca.crt",
                f"--cluster-signing-key-file={keys}/ca.key",
                f"--root-ca-file={keys}/ca.crt",
                f"--service-account-private-key-file={keys}/sa.key",
                "--use-service-account-credentials",
                "--leader-elect=false",
                *GENEROUS,
            ],
            "after": [ready],
        },
        {
            "name": "kube-scheduler",
            "command": [
                f"{cluster.bin}/kube-scheduler",
                *scheduler,
                "--bind-address=127.0.0.1",
                "--leader-elect=false",
                *GENEROUS,
            ],
            "after": [ready],
        },
    ]


_USES = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")


def _api_server(cluster: state.Cluster, keys: Path) -> list[str]:
    return [
        f"{cluster.bin}/kube-apiserver",
        f"--advertise-address={cluster.address(1)}",
        "--allow-privileged",
        "--authorization-mode=Node,RBAC",
        f"--client-ca-file={keys}/ca.crt",
        "--enable-admission-plugins=NodeRestriction",
        f"--etcd-servers={ETCD}",
        f"--kubelet-client-certificate={keys}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={keys}/apiserver-kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--proxy-client-cert-file={keys}/front-proxy-client.crt",
        f"--proxy-client-key-file={keys}/front-proxy-client.key",
        "--requestheader-allowed-names=front-proxy-client",
        f"--requestheader-client-ca-file={keys}/front-proxy-ca.crt",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={keys}/sa.pub",
        f"--service-account-signing-key-file={keys}/sa.key",
        f"--service-cluster-ip-range={network.SERVICE_SUBNET}",
        f"--tls-cert-file={keys}/apiserver.crt",
        f"--tls-private-key-file={keys}/apiserver.key",
    ]
