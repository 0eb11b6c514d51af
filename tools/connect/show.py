"""What `connect` prints: what to paste into a program, and what differs between client and cluster."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.connect.environment import Difference, Inventory
from tools.connect.place import Place
from tools.connect.reach import Reached


@dataclass(frozen=True)
class Report:
    """Everything there is to print."""

    place: Place
    reached: Reached
    python: str
    """The interpreter that was compared with the cluster."""
    here: Inventory
    differences: list[Difference]
    others: int
    """How many packages differ besides."""
    tls: Mapping[str, str]
    """The files `ca`, `cert` and `key`."""
    files: list[Path]
    """What was written on request."""

    @property
    def notebook(self) -> str | None:
        """The notebook's address, with its token."""
        url, token = self.reached.notebook, self.place.token
        return f"{url}?token={token}" if url and token else url


def code(address: str, tls: Mapping[str, str]) -> str:
    """The lines of Python that create a client."""
    if not tls:
        return f'from distributed import Client\n\nclient = Client("{address}")\n'
    return (
        "from distributed import Client\nfrom distributed.security import Security\n\n"
        "security = Security(\n    require_encryption=True,\n"
        f'    tls_ca_file="{tls["ca"]}",\n    tls_client_cert="{tls["cert"]}",\n    tls_client_key="{tls["key"]}",\n'
        f')\nclient = Client("{address}", security=security)\n'
    )


def as_text(report: Report) -> str:
    """The text for a terminal."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    place, reached, there = report.place, report.reached, report.reached.inventory
    way = f", forwarded to the Service {place.name}, because {reached.because}" if reached.because else ""
    yield f"scheduler   {reached.address}{way}"
    if reached.dashboard:
        yield f"dashboard   {reached.dashboard}"
    if report.notebook:
        yield f"notebook    {report.notebook}"
    yield f"cluster     {place.physical_name}: {_versions(there)}"
    yield f"client      {report.python}: {_versions(report.here)}"
    for difference in report.differences:
        yield f"  ! {difference}"
    if report.others:
        yield f"  {report.others} more packages have other versions; `--environment FOLDER` writes down the cluster's"
    for file in report.files:
        yield f"written     {file}"
    yield ""
    yield from (f"    {line}".rstrip() for line in code(reached.address, report.tls).splitlines())


def _versions(found: Inventory) -> str:
    dask = found.packages.get("dask")
    return f"Python {found.python}, " + (f"Dask {dask}" if dask else "no Dask")


def as_json(report: Report) -> str:
    """For programs, in one line."""
    reached = report.reached
    content: dict[str, Any] = {
        "cluster": report.place.name,
        "name": report.place.physical_name,
        "namespace": report.place.namespace,
        "address": reached.address,
        "dashboardUrl": reached.dashboard,
        "notebookUrl": report.notebook,
        "forwarded": reached.forwarded,
        "because": reached.because,
        "tls": dict(report.tls) or None,
        "code": code(reached.address, report.tls),
        "python": reached.inventory.python,
        "packages": dict(reached.inventory.packages),
        "differences": [asdict(it) for it in report.differences],
        "files": [str(file) for file in report.files],
    }
    return json.dumps(content)
