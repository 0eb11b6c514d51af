"""Finding a usable Pulumi CLI. In: PATH and the cache. Out: its path and why it was taken, or why there is none.

Usable means: the CLI fits the SDK (`PulumiCommand` checks that), and the Kubernetes plugin is there or can be fetched.
What cannot be had is remembered for a day, so an air-gapped machine does not wait for it on every command.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

# Until the download's server answers; then the CLI (some 150 MB) and the plugin (some 30 MB) may take their time.
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
class Found:
    """The CLI's path, "" where there is none, and the reason in words."""

    path: str
    why: str


def cache_directory() -> Path:
    """Where the CLI is kept between checkouts."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "dask-on-kubernetes" / "pulumi"


def find(try_again: bool = False) -> Found:
    """The CLI from PATH, else from our cache, else installed there; with the Kubernetes plugin."""
    wanted = version("pulumi")
    ours = cache_directory() / wanted / "bin" / "pulumi"
    if on_path := shutil.which("pulumi"):
        if reason := _unfit(on_path):
            return Found("", f"{on_path} does not fit: {reason}")
        return _with_plugin(Found(on_path, f"{on_path}, from PATH"), try_again)
    if not ours.exists():
        reason = _remembered("cli", try_again) or _attempt("cli", lambda: _install(ours.parents[1], wanted))
        if reason:
            return Found("", f"there is no `pulumi` on PATH, and {reason}")
    return _with_plugin(Found(str(ours), f"{ours}, installed by the SDK"), try_again)


def _unfit(path: str) -> str:
    """Why this CLI cannot be used with the installed SDK, or ""."""
    from pulumi.automation import PulumiCommand

    try:
        PulumiCommand()
    except Exception as error:  # not executable, no answer, or a version that the SDK refuses
        return f"{error}".strip() or type(error).__name__
    return "" if os.access(path, os.X_OK) else "it is not executable"


def _with_plugin(cli: Found, try_again: bool) -> Found:
    """The Kubernetes plugin of the pinned version: beside the CLI on PATH, in Pulumi's own cache, or fetched now."""
    wanted = f"v{version('pulumi_kubernetes')}"
    home = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    if shutil.which("pulumi-resource-kubernetes") or (home / "plugins" / f"resource-kubernetes-{wanted}").is_dir():
        return cli
    command = [cli.path, "plugin", "install", "resource", "kubernetes", wanted]
    reason = _remembered("plugin", try_again) or _attempt("plugin", lambda: _bounded(command))
    return Found("", f"{cli.path} has no Kubernetes plugin {wanted}, and {reason}") if reason else cli


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
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise RuntimeError((output.strip().splitlines() or ["no output"])[-1])


def _attempt(what: str, action: Callable[[], None]) -> str:
    """Try; the reason for a failure is returned and remembered."""
    memo = cache_directory() / f"{what}.failed"
    try:
        memo.parent.mkdir(parents=True, exist_ok=True)
        action()
    except Exception as error:  # no network, no such host, a refused download, a full disk: all end in the same way
        with contextlib.suppress(OSError):
            memo.write_text(str(error), encoding="utf-8")
        return f"it cannot be downloaded: {error}"
    with contextlib.suppress(OSError):
        memo.unlink(missing_ok=True)
    return ""


def _remembered(what: str, try_again: bool) -> str:
    memo = cache_directory() / f"{what}.failed"
    try:
        if try_again or time.time() - memo.stat().st_mtime > _REMEMBER_SECONDS:
            return ""
        reason = memo.read_text(encoding="utf-8")
    except OSError:  # there is none, or it cannot be read
        return ""
    return f"it could not be downloaded within the last day: {reason} (ENGINE=pulumi retries)"
