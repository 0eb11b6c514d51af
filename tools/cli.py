"""The Pulumi CLI: the one on PATH; else the official one, installed by the SDK; else one built from Go modules.

What cannot be downloaded is remembered for a day, so that a machine without internet does not wait at every command.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from devcluster import engine
from devcluster.golang import cache_root
from tools.failure import ToolError

# Until the download's server answers; then the CLI (some 150 MB) and the provider (some 30 MB) may take their time.
_ANSWER_SECONDS = 10
_DOWNLOAD_SECONDS = 180
_REMEMBER_SECONDS = 24 * 3600
_INSTALL = """
import sys
from semver import VersionInfo
from pulumi.automation import PulumiCommand
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
"""


@dataclass(frozen=True)
class Cli:
    """A usable CLI: why it was taken, and the variables under which `pulumi` is this one."""

    words: str
    environment: dict[str, str] = field(default_factory=dict)


def refuse_unusable(oldest: tuple[int, ...]) -> None:
    """Raise `ToolError` for an unknown ENGINE, and for a CLI on PATH that would be used and is older than `oldest`.

    It takes no time, so it comes before a cluster is started, which may take minutes.
    """
    wish = _wish()
    if wish not in ("auto", "built"):
        raise ToolError(f"ENGINE={wish} must be `auto` (the default) or `built`")
    if wish == "auto" and (on_path := shutil.which("pulumi")):
        _refuse_old(on_path, oldest)


def _wish() -> str:
    return os.environ.get("ENGINE") or "auto"


def find(home: Path) -> Cli:
    """The CLI to use. `home` is the engine's own folder, for the one that is built.

    ENGINE=built skips the first two.
    """
    if _wish() == "built":
        return Cli("built from Go modules, because ENGINE=built", engine.environment(home))
    if on_path := shutil.which("pulumi"):
        if not (reason := _without_provider(on_path)):
            return Cli(f"{on_path}, from PATH")
        return Cli(
            f"built from Go modules, because {on_path} has no Kubernetes provider: {reason}", engine.environment(home)
        )
    wanted = version("pulumi")
    installed = cache_root() / "pulumi" / wanted / "bin" / "pulumi"
    reason = "" if installed.exists() else _attempt("Pulumi CLI", lambda: _install(installed.parents[1], wanted))
    if not reason and not (reason := _without_provider(str(installed))):
        path = os.pathsep.join([str(installed.parent), os.environ.get("PATH", "")])
        return Cli(f"{installed}, installed by the SDK", {"PATH": path})
    return Cli(f"built from Go modules, because `pulumi` is not on PATH and {reason}", engine.environment(home))


def _refuse_old(path: str, oldest: tuple[int, ...]) -> None:
    """Raise `ToolError` for a CLI that does not answer or is older than `oldest`."""
    wanted = ".".join(map(str, oldest))
    try:
        done = subprocess.run([path, "version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{path}: {error}; repair it, or take it off PATH") from error
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", done.stdout)
    if found is None:
        raise ToolError(f"{path}: `pulumi version` says {done.stdout.strip() or done.stderr.strip()!r}; repair it")
    if tuple(map(int, found.groups())) < oldest:
        raise ToolError(
            f"{path} is version {found[0]}, and this project needs {wanted} or newer; update it "
            "(https://www.pulumi.com/docs/install/), or take it off PATH"
        )


def _without_provider(cli: str) -> str:
    """Why the CLI has no Kubernetes provider of the SDK's version, or "" where it has one or can fetch it now."""
    wanted = f"v{version('pulumi_kubernetes')}"
    home = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    if shutil.which("pulumi-resource-kubernetes") or (home / "plugins" / f"resource-kubernetes-{wanted}").is_dir():
        return ""
    return _attempt(
        "Kubernetes provider", lambda: _bounded([cli, "plugin", "install", "resource", "kubernetes", wanted])
    )


def _install(root: Path, wanted: str) -> None:
    print(f"installing the Pulumi CLI {wanted} into {root} (usually under a minute) ...", file=sys.stderr, flush=True)
    urllib.request.urlopen("https://get.pulumi.com/install.sh", timeout=_ANSWER_SECONDS).close()
    _bounded([sys.executable, "-c", _INSTALL, str(root), wanted])


def _bounded(command: list[str]) -> None:
    """Run quietly; kill the whole group when time is up, because an installer has children."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=_DOWNLOAD_SECONDS)
        except BaseException:  # Ctrl-C does not reach a group of its own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if process.returncode:
        raise RuntimeError((output.strip().splitlines() or ["no output"])[-1])


def _attempt(what: str, action: Callable[[], None]) -> str:
    """Try, unless it failed within the last day. The reason for a failure is returned and remembered."""
    memo = cache_root() / "pulumi" / f"{what.lower().replace(' ', '-')}.failed"
    with contextlib.suppress(OSError):
        if time.time() - memo.stat().st_mtime < _REMEMBER_SECONDS:
            return f"the {what} could not be downloaded: {memo.read_text(encoding='utf-8')}"
    try:
        memo.parent.mkdir(parents=True, exist_ok=True)
        action()
    except Exception as error:  # no network, a refused download, a full disk: all end in the same way
        with contextlib.suppress(OSError):
            memo.write_text(str(error), encoding="utf-8")
        return f"the {what} cannot be downloaded: {error}"
    with contextlib.suppress(OSError):
        memo.unlink(missing_ok=True)
    return ""
