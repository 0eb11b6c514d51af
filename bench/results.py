"""What every bench shares around its measurements: the order of a round, the report, and its two files."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def order(names: list[str], number: int) -> list[str]:
    """The ways in a different order each round: each is first equally often, and follows each other one."""
    first = number % len(names)
    rest = names[first + 1 :] + names[:first]
    return [names[first], *(rest if number % 2 == 0 else rest[::-1])]


def new_report(rounds: int, machine: dict[str, Any]) -> dict[str, Any]:
    """A report of today without results yet."""
    return {"date": datetime.now(UTC).date().isoformat(), "rounds": rounds, "machine": machine, "results": []}


def heading(report: dict[str, Any]) -> str:
    """When and where it was measured, and how busy the machine was before each measurement."""
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    loads = [result["loadBefore"] for result in report["results"]]
    busy = f"{min(loads)} to {max(loads)}" if loads else "not measured"
    return f"{report['date']}, {report['rounds']} rounds. {machine}. Load average before the measurements: {busy}.\n"


def failures(report: dict[str, Any], titles: Mapping[str, str]) -> list[str]:
    """A line for every measurement that has failed, with the title of its way."""
    found = [one for one in report["results"] if "failure" in one]
    return [f"{titles[one['way']]}, round {one['round']}: {failed(one)}\n" for one in found]


def save(name: str, report: dict[str, Any], text: str, directory: Path) -> None:
    """Both files, after every measurement: a bench that is broken off leaves what it has."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}-{report['date']}.json").write_text(json.dumps(report, indent=1) + "\n")
    (directory / f"{name}.md").write_text(text)


def failure(error: Exception) -> str:
    """The output of a failed command or step, at most its last 1,500 characters."""
    return (getattr(error, "stderr", None) or str(error)).strip()[-1500:]


def failed(result: dict[str, Any]) -> str:
    """The last line of a failure, which usually names the cause."""
    return result["failure"].splitlines()[-1][:300]
