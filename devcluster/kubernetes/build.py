"""The programs of a node: all of Kubernetes and the Pulumi engine's Kubernetes provider, in one binary; and helm."""

from pathlib import Path

from devcluster import golang

PARTS = (
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"),
    *("kubeadm", "kubectl", "etcd", "coredns"),
)
PROVIDER = "pulumi-resource-kubernetes"
# The SDK (pulumi-kubernetes on PyPI) whose programs the provider serves.
PROVIDER_SERVES = "4.32.0"
_HELM = "helm.sh/helm/v3/cmd/helm"


def _flags(**stamps: str) -> list[str]:
    """Flags of `go build`: no cgo or cloud code, and the versions stamped in (a bare build calls itself v0.0.0)."""
    linker = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])
    return ["-buildvcs=false", "-trimpath", "-tags=selinux,notest,providerless,grpcnotrace", f"-ldflags={linker}"]


def node() -> golang.Product:
    """`bin/` holds one binary under the name of each part of Kubernetes, and `pause`; `tools/` what people call."""
    bare = golang.Product("node", "node", (".", "./pause"), (), "6 to 12 min on two cores the first time")
    version = bare.required("k8s.io/kubernetes")
    major, minor = version.removeprefix("v").split(".")[:2]
    stamp = "k8s.io/component-base/version"
    kubernetes = {f"{stamp}.gitVersion": version, f"{stamp}.gitMajor": major, f"{stamp}.gitMinor": minor}
    flags = _flags(**kubernetes, **{"main.served": PROVIDER_SERVES})
    links = {f"bin/{name}": "node" for name in (*PARTS, PROVIDER)} | {"tools/kubectl": "../bin/node"}
    return golang.Product(bare.name, bare.module, bare.packages, flags, bare.usual, links)


def helm() -> golang.Product:
    """Helm's own command and kubectl, for measurements and tests; the program needs neither."""
    bare = golang.Product("helm", "node", (_HELM,), (), "a minute once the node's programs are built")
    major, minor = bare.required("k8s.io/kubernetes").removeprefix("v").split(".")[:2]
    capabilities = "helm.sh/helm/v3/pkg/chartutil"
    flags = _flags(
        **{
            "helm.sh/helm/v3/internal/version.version": bare.required("helm.sh/helm/v3"),
            f"{capabilities}.k8sVersionMajor": major,
            f"{capabilities}.k8sVersionMinor": minor,
        }
    )
    kubectl = str(Path("..", "..", product_path().name, "bin", "node"))
    return golang.Product(bare.name, bare.module, bare.packages, flags, bare.usual, {"bin/kubectl": kubectl})


def kubernetes_version() -> str:
    """The version of Kubernetes that go.mod asks for, as `v1.34.4`."""
    return node().required("k8s.io/kubernetes")


def product_path() -> Path:
    """Where the node's programs are, or will be."""
    return node().folder


def ensure() -> Path:
    """The folder of the node's programs, built first if the cache has none."""
    return golang.ensure(node())


def tools() -> Path:
    """The folder of kubectl and helm, built first if the cache has none."""
    ensure()
    return golang.ensure(helm()) / "bin"
