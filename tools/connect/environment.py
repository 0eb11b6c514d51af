"""Compares the packages of a client's interpreter with those of the cluster, and writes them down for a client."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools import whole_files
from tools.failure import ToolError

_SCRIPT = Path(__file__).with_name("inventory.py")
_ANSWER_SECONDS = 60
_CONNECT_SECONDS = 10
MARK = "# Written by `tools connect`"
_PROTOCOL = ("dask", "distributed")
# What Dask itself compares and warns of (distributed/versions.py), and what results are usually made of.
_COMPARED = ("cloudpickle", "msgpack", "toolz", "tornado", "lz4", "numpy", "pandas", "pyarrow")
# Of an environment they are the ground, not a part.
_INSTALLERS = {"pip", "setuptools", "wheel", "conda", "mamba"}


@dataclass(frozen=True)
class Inventory:
    """What an interpreter can import."""

    python: str
    packages: Mapping[str, str]
    sources: Mapping[str, str] = field(default_factory=dict)
    """Packages that come from a repository, with their address."""
    conda: Mapping[str, str] = field(default_factory=dict)
    """Packages that conda has installed, with their names on conda-forge."""

    @property
    def minor(self) -> str:
        """`3.11`."""
        return ".".join(self.python.split(".")[:2])


@dataclass(frozen=True)
class Difference:
    """One version that differs between client and cluster."""

    what: str
    here: str | None
    there: str
    effect: str
    fix: str

    def __str__(self) -> str:
        here = f"is {self.here}" if self.here else "is missing"
        return f"{self.what} {here} here and {self.there} in the cluster: {self.effect}; {self.fix}"


def interpreter() -> str:
    """The Python of the active environment, else the one that runs this."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        python = Path(os.environ.get(variable) or "/nowhere") / "bin" / "python"
        if python.is_file():
            return str(python)
    return sys.executable


def of_interpreter(python: str) -> Inventory:
    """The packages of a Python on this machine. Raises `ToolError`."""
    try:
        done = subprocess.run(
            [python, str(_SCRIPT)], capture_output=True, text=True, check=True, timeout=_ANSWER_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        words = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        raise ToolError(f"--python {python}: cannot be asked for its packages: {words}") from error
    return Inventory(**json.loads(done.stdout))


def of_cluster(address: str, tls: Mapping[str, str]) -> Inventory:
    """The packages of a worker, or of the scheduler where no worker runs.

    `tls` holds the files `ca`, `cert` and `key`. Raises OSError or TimeoutError where no scheduler answers.
    """
    import warnings

    from distributed import Client
    from distributed.security import Security

    names = {"ca": "tls_ca_file", "cert": "tls_client_cert", "key": "tls_client_key"}
    files = {names[key]: path for key, path in tls.items()}
    security = Security(require_encryption=True, **files) if files else None
    # By reference and without a function of ours, so that any Python there understands it.
    command = ["python3", "-c", _SCRIPT.read_text(encoding="utf-8")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Client(address, security=security, timeout=_CONNECT_SECONDS, set_as_default=False) as made:
            client: Any = made  # its methods are typed as synchronous and asynchronous at once
            workers = list(client.nthreads())
            run = (subprocess.check_output, command)
            if workers:
                [text] = client.run(*run, workers=workers[:1], text=True, timeout=_ANSWER_SECONDS).values()
            else:
                text = client.run_on_scheduler(*run, text=True, timeout=_ANSWER_SECONDS)
    return Inventory(**json.loads(text))


def differences(here: Inventory, there: Inventory) -> Iterator[Difference]:
    """What a client should change, the gravest first."""
    if here.minor != there.minor:
        fix = (
            f"use Python {there.minor}: `uv venv --python {there.minor}` or `conda create -n dask python={there.minor}`"
        )
        yield Difference("Python", here.python, there.python, "functions cannot be sent", fix)
    for name in (*_PROTOCOL, *_COMPARED):
        wanted, found = there.packages.get(name), here.packages.get(name)
        if wanted is None or wanted == found:
            continue
        fix = f'`pip install "{name}=={wanted}"`'
        if name in _PROTOCOL:
            yield Difference(name, found, wanted, "client and cluster may not understand each other", fix)
        elif found is None:
            yield Difference(name, None, wanted, "Dask warns, and what needs it cannot be read here", fix)
        else:
            yield Difference(name, found, wanted, "data can be misread", fix)


def others(here: Inventory, there: Inventory) -> int:
    """How many more packages, which both have, differ."""
    named = {*_PROTOCOL, *_COMPARED, *_INSTALLERS}
    both = (there.packages.keys() & here.packages.keys()) - named
    return sum(here.packages[name] != there.packages[name] for name in both)


def write(folder: Path, of: str, there: Inventory) -> list[Path]:
    """Writes `requirements.txt` and `environment.yml`. `of` says whose packages they are. Raises `ToolError`."""
    texts = {"requirements.txt": requirements(of, there), "environment.yml": conda_environment(of, there)}
    folder.mkdir(parents=True, exist_ok=True)
    for name in texts:
        refuse_foreign(folder / name)
    for name, text in texts.items():
        whole_files.write(folder / name, text)
    return [folder / name for name in texts]


def refuse_foreign(file: Path) -> None:
    """Raises `ToolError` for a file that this command has not written."""
    if file.exists() and not file.read_text(encoding="utf-8").startswith(MARK):
        raise ToolError(f"{file} exists and is not from this command, so it was not changed; choose another place")


def requirements(of: str, there: Inventory) -> str:
    """For pip."""
    return "\n".join([f"{MARK}: {of}, for Python {there.minor}.", *_pip(there, there.packages), ""])


def conda_environment(of: str, there: Inventory) -> str:
    """For conda: what conda has installed in the cluster from conda-forge, the rest by pip."""
    own = {name: conda for name, conda in there.conda.items() if name in there.packages and name not in _INSTALLERS}
    packages: list[object] = [f"python={there.minor}", "pip"]
    packages += sorted(f"{conda}={there.packages[name]}" for name, conda in own.items())
    if rest := _pip(there, there.packages.keys() - own.keys()):
        packages.append({"pip": rest})
    content = {"name": "dask", "channels": ["conda-forge"], "dependencies": packages}
    return f"{MARK}: {of}.\n" + yaml.safe_dump(content, sort_keys=False)


def _pip(there: Inventory, names: "Mapping[str, str] | set[str]") -> list[str]:
    kept = sorted(set(names) - _INSTALLERS)
    return [
        f"{name} @ {there.sources[name]}" if name in there.sources else f"{name}=={there.packages[name]}"
        for name in kept
    ]
