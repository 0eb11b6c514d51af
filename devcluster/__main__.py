"""`python3 -m devcluster`: the local Kubernetes with the images of Dask in it; progress goes to stderr.

    python3 -m devcluster up                     start it, import the images, print its kubeconfig's path
    python3 -m devcluster run --name test -- COMMAND    run a command with a cluster of its own, and remove that
    python3 -m devcluster up --with notebook     and the image of JupyterLab, which is built when it is first needed
    python3 -m devcluster down

Exit codes: 0 done, 1 failed, 3 the cluster does not run, 130 interrupted.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from devcluster.images import catalog
from devcluster.images.build import build as build_images
from devcluster.images.meanwhile import built_meanwhile
from devcluster.kubernetes import build, cluster, images, packages, state
from devcluster.shell import DevclusterError, NotRunningError, require_root, say


def main(argv: list[str] | None = None) -> int:
    """Run one command."""
    top = argparse.ArgumentParser(prog="python3 -m devcluster", description="A local Kubernetes with Dask's images.")
    top.add_argument("command", choices=("up", "down", "kubeconfig", "run"))
    top.add_argument("--name", default="dev", help="which cluster of this machine (default: dev)")
    top.add_argument(
        "--with",
        dest="more",
        action="append",
        default=[],
        metavar="IMAGE",
        help="also import this image, such as notebook",
    )
    top.epilog = "The command of `run` follows after `--`."
    words = sys.argv[1:] if argv is None else argv
    end = words.index("--") if "--" in words else len(words)
    options = top.parse_args(words[:end])
    os.umask(0o022)  # nodes, pods and the images' own user read what is written here
    try:
        name = state.check_name(options.name)
        if options.command == "run":
            return run(name, words[end + 1 :], options.more)
        if options.command == "down":
            down(name)
        else:
            print(up(name, options.more) if options.command == "up" else cluster.require(name).kubeconfig)
    except NotRunningError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except (DevclusterError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues from here", file=sys.stderr)
        return 130
    return 0


def up(name: str, more: Sequence[str] = ()) -> Path:
    """The kubeconfig of a Ready cluster of that name, with every image, those on demand only if `more` names them."""
    require_root("up")
    wanted = catalog.find([]) + (catalog.find(list(more)) if more else [])
    if not build.product_path().is_dir():  # minutes of compiling, on a machine that has none of this yet
        packages.ensure()  # only one apt-get can run at a time
        with built_meanwhile(wanted):
            build.ensure()
    kubeconfig = cluster.up(name)
    build_images(wanted)
    images.load(cluster.require(name), [image.archive for image in wanted])
    return kubeconfig


def down(name: str) -> None:
    """Remove the cluster and everything in it."""
    require_root("down")
    cluster.down(name)


def run(name: str, command: list[str], more: Sequence[str] = ()) -> int:
    """Run a command on a cluster of its own, which is removed afterwards unless KEEP=1. The command's exit code."""
    # With KEEP the command itself, which may take the cluster of that name as its own, leaves it to us.
    environment = {**os.environ, "KUBECONFIG": str(up(name, more)), "DEVCLUSTER": name, "KEEP": "1"}
    try:
        code = subprocess.run(command, env=environment, check=False).returncode
    finally:  # a cluster that did not start is left: its logs say why
        if os.environ.get("KEEP") == "1":
            say(f"kept: cluster {name}; `python3 -m devcluster down --name {name}` removes it")
        else:
            down(name)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
