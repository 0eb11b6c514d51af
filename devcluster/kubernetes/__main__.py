"""`python3 -m devcluster.kubernetes`: results go to stdout, progress to stderr.

0: done; 1: failed, with the reason; 2: a wrong command line; 3: the cluster does not run.
"""

import argparse
import os
import sys
from pathlib import Path

from devcluster.kubernetes import build, cluster, images, state
from devcluster.shell import DevclusterError, NotRunningError, require_root


def parser() -> argparse.ArgumentParser:
    """The commands, each with `--name`."""
    about = "A local Kubernetes without image registries."
    top = argparse.ArgumentParser(prog="python3 -m devcluster.kubernetes", description=about)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.add_argument("--name", default="dev", help="which cluster of this machine (default: dev)")
        return added

    up = command("up", "start the cluster, or find it running; wait until it is Ready; print its kubeconfig's path")
    up.add_argument("--nodes", type=int, default=None, choices=range(1, 10), help="how many nodes (default: 1)")
    command("down", "remove the cluster and everything that it created")
    command("status", "describe the cluster; exit code 3 when it does not run")
    command("kubeconfig", "print the path of its kubeconfig")
    load = command("import", "import OCI archives into every node; skips images that exist")
    load.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE")
    tools = commands.add_parser("tools", help="print the directory of kubectl and helm; builds them if needed")
    tools.set_defaults(name="dev")
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command."""
    arguments = parser().parse_args(argv)
    os.umask(0o022)  # nodes and pods of other users read what is written here
    try:
        return run(arguments)
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (DevclusterError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3 if isinstance(error, NotRunningError) else 1
    except KeyboardInterrupt:
        print("interrupted; the same command can be run again", file=sys.stderr)
        return 130


def run(arguments: argparse.Namespace) -> int:
    """Dispatch; raises `DevclusterError`."""
    name = state.check_name(arguments.name)
    if arguments.command == "tools":
        print(build.tools())
        return 0
    if arguments.command in ("up", "down", "import"):
        require_root(arguments.command)
    if arguments.command == "up":
        print(cluster.up(name, arguments.nodes))
    elif arguments.command == "down":
        cluster.down(name)
    elif arguments.command == "status":
        running, text = cluster.status(name)
        print(text)
        return 0 if running else 3
    elif arguments.command == "kubeconfig":
        print(cluster.require(name).kubeconfig)
    elif arguments.command == "import":
        images.load(cluster.require(name), arguments.archives)
    return 0


if __name__ == "__main__":
    sys.exit(main())
