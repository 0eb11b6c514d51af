"""Conda package specs (argv) -> exit status 0 if the image already holds every one of them as a Python distribution.

The image has no conda. A stack file that names conda packages still runs when they are there: `optuna`,
`scikit-learn>=1.4`, `conda-forge::pandas=3.1`. Anything else is refused with what to use instead.
"""

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version

from packaging.specifiers import InvalidSpecifier, SpecifierSet

SPEC = re.compile(r"(?:[\w./-]+::)?(?P<name>[\w.-]+)(?P<version>[=<>!~].*)?")
FLAGS_WITH_VALUE = ("-c", "--channel", "-n", "--name", "-p", "--prefix")
REMEDY = (
    "this image has no conda. Use packages.pip (EXTRA_PIP_PACKAGES); or the image tag that ends in -ml for "
    "scikit-learn, optuna and optuna-integration; or the upstream image ghcr.io/dask/dask from its registry."
)


def specs(arguments: list[str]) -> list[str]:
    """The package specs among the arguments; `-c conda-forge` and the like say where from, which is moot here."""
    kept, skip = [], False
    for argument in arguments:
        if not skip and not argument.startswith("-"):
            kept.append(argument)
        skip = not skip and argument in FLAGS_WITH_VALUE
    return kept


def specifiers(conda_version: str) -> SpecifierSet:
    """Conda's version part as Python's: `=3.1` means any 3.1.x, `==3.1` and the comparisons mean the same in both."""
    parts = []
    for part in conda_version.split(","):
        fuzzy = re.fullmatch(r"=([^=].*)", part)
        parts.append(f"=={fuzzy[1].removesuffix('*').removesuffix('.')}.*" if fuzzy else part)
    return SpecifierSet(",".join(parts))


def problem(spec: str) -> str | None:
    """Why the spec is not met, or None if it is."""
    parsed = SPEC.fullmatch(spec)
    if not parsed:
        return f"{spec!r} is not a conda package spec that can be parsed"
    name = parsed["name"]
    try:
        installed = platform.python_version() if name == "python" else version(name)
        wanted = specifiers(parsed["version"] or "")
    except PackageNotFoundError:
        return f"{name!r} is not installed"
    except InvalidSpecifier:
        return f"{spec!r} has a version part that cannot be checked here"
    return None if wanted.contains(installed, prereleases=True) else f"{spec!r} is wanted and {installed} is installed"


def main(arguments: list[str]) -> int:
    wanted = specs(arguments)
    problems = [found for found in map(problem, wanted) if found]
    if problems:
        print(f"prepare.sh: EXTRA_CONDA_PACKAGES: {'; '.join(problems)}; {REMEDY}", file=sys.stderr)
        return 1
    print(f"prepare.sh: EXTRA_CONDA_PACKAGES: all already installed: {' '.join(wanted)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
