"""The links of a cluster: a bridge on the host, and a network namespace with a veth pair for each node.

The host routes one /24 to the bridge. Inside a node: its address on `eth0`, routes to the other nodes' pods, and no
default route: nothing leaves the machine, and trying is refused at once instead of timing out.
"""

import json
import string
import subprocess
from pathlib import Path

from devcluster.kubernetes import state
from devcluster.shell import run

POD_SUBNET = "10.244.0.0/16"
SERVICE_SUBNET = "10.96.0.0/16"
DNS_ADDRESS = "10.96.0.10"
# Pods reach other nodes and the host with their node's address; between pods addresses stay as they are.
# What has no route is refused at once: the kernel's own ICMP answer comes only after several seconds of retries.
RULES = string.Template("""
table ip dask-local {
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip saddr $pods ip daddr != $pods masquerade
  }
  chain prerouting {
    type filter hook prerouting priority filter
    ip saddr $pods ip daddr != { $pods, $services, $nodes, 224.0.0.0/4 } reject with icmp type net-unreachable
  }
}
""")


def pod_subnet(number: int) -> str:
    """The pods of node 1, 2, ... (a /24 each)."""
    return f"10.244.{number}.0/24"


def create(cluster: state.Cluster) -> None:
    """Make the bridge and the nodes' namespaces; nothing of that name may exist (`remove` first)."""
    prefix = state.link_prefix(cluster.name)
    bridge = f"{prefix}-br"
    lines = [
        f"link add {bridge} type bridge",
        f"link set {bridge} alias dask-local-{cluster.name}",
        f"address add {cluster.gateway}/24 dev {bridge}",
        f"link set {bridge} up",
    ]
    for number in cluster.numbers():
        namespace, veth = state.namespace(cluster.name, number), f"{prefix}-{number}"
        lines += [
            f"netns add {namespace}",
            f"link add {veth} type veth peer name eth0 netns {namespace}",
            f"link set {veth} alias {namespace}",
            f"link set {veth} master {bridge} up",
        ]
    run(["ip", "-batch", "-"], stdin="\n".join(lines))
    for number in cluster.numbers():
        _inside(cluster, number)


def _inside(cluster: state.Cluster, number: int) -> None:
    """Set up a node's side: addresses, routes to the other nodes' pods, forwarding, masquerading."""
    namespace = state.namespace(cluster.name, number)
    lines = ["link set lo up", f"address add {cluster.address(number)}/24 dev eth0", "link set eth0 up"]
    for other in cluster.numbers():
        if other != number:
            lines.append(f"route add {pod_subnet(other)} via {cluster.address(other)}")
    run(["ip", "-netns", namespace, "-batch", "-"], stdin="\n".join(lines))
    # /proc/sys/net is that of the opening process's namespace: these two settings change only the node.
    enter = ["nsenter", f"--net=/run/netns/{namespace}"]
    run([*enter, "tee", "/proc/sys/net/ipv4/ip_forward"], stdin="1\n")
    rules = RULES.substitute(pods=POD_SUBNET, services=SERVICE_SUBNET, nodes=f"{cluster.gateway}/24")
    run([*enter, "nft", "-f", "-"], stdin=rules)


def links(name: str) -> list[str]:
    """The cluster's links on the host."""
    found = json.loads(run(["ip", "-json", "link", "show"]))
    return sorted(link["ifname"] for link in found if link["ifname"].startswith(f"{state.link_prefix(name)}-"))


def namespaces(name: str) -> list[str]:
    """The cluster's network namespaces: `dask-local-<name>-<number>` and nothing longer."""
    prefix = state.namespace(name, 0).removesuffix("0")
    found = (path.name for path in Path("/run/netns").glob(f"{prefix}*"))
    return sorted(each for each in found if each.removeprefix(prefix).isdigit())


def remove(name: str) -> None:
    """Delete links, then namespaces; a half-made namespace file that `ip` refuses is unmounted and removed."""
    for link in links(name):
        # Deleting one end of a pair, or its namespace, deletes the other end too, so a missing link is fine.
        subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True)
    for namespace in namespaces(name):
        path = Path("/run/netns") / namespace
        if subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True).returncode:
            subprocess.run(["umount", "--lazy", path], check=False, capture_output=True)
            path.unlink(missing_ok=True)
