"""`python3 -m devcluster.images build|list|archives|wheels`: the result goes to stdout, progress to stderr."""

import argparse
import os
import sys

from devcluster.images.build import build, fetch_wheels
from devcluster.images.catalog import IMAGES, find
from devcluster.shell import DevclusterError, say


def main(argv: list[str] | None = None) -> int:
    """Runs one command. Returns its exit code; the reason of a failure is on stderr."""
    parser = argparse.ArgumentParser(prog="python3 -m devcluster.images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build what the cache lacks, print the archives' paths")
    commands.add_parser("list", help="every image with its archive, size and whether it is built")
    paths = commands.add_parser("archives", help="the archives' paths, one a line; exit status 1 if one is missing")
    for command in (building, paths):
        command.add_argument(
            "names", nargs="*", metavar="NAME", help="a reference or a stage; default: all that every cluster has"
        )
    commands.add_parser("wheels", help="the folder of wheels with optuna and scikit-learn, for pods without a network")
    arguments = parser.parse_args(argv)
    os.umask(0o022)  # the images' own user reads what is copied into them
    try:
        return _run(arguments)
    except (DevclusterError, OSError, ValueError) as error:
        say(f"devcluster.images: {error}")
        return 1
    except KeyboardInterrupt:
        say("devcluster.images: stopped; the same command continues from here")
        return 130


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "build":
        images = find(arguments.names)
        build(images)
        print(*(image.archive for image in images), sep="\n")
    elif arguments.command == "list":
        for image in IMAGES:
            size = f"{image.archive.stat().st_size / 1e6:.0f} MB" if image.built else "not built"
            print(f"{image.reference:<50} {size:>9}  {image.archive}")
    elif arguments.command == "archives":
        images = find(arguments.names)
        print(*(image.archive for image in images), sep="\n")
        missing = [image.reference for image in images if not image.built]
        if missing:
            say(f"devcluster.images: not built yet: {', '.join(missing)}; run: python3 -m devcluster.images build")
            return 1
    else:
        print(fetch_wheels("ml"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
