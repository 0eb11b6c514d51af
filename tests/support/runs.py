"""One command of the Pulumi CLI: the steps that the engine's own events tell, what it prints, and how it ends."""

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from pulumi.automation.events import EngineEvent, OpType, StepEventMetadata

Step = tuple[str, str, str]
"""What happens to which kind of resource of which name: ("update", "Service", "main-endpoint")."""

VERIFICATION = ("Job", "ConfigMap")
"""The kinds that change with the workers that a verification counts: the verify Job, and the record that names it."""
NO_CHANGE = (OpType.SAME, OpType.REFRESH, OpType.READ)


@dataclass(frozen=True)
class Run:
    """The end of a command."""

    code: int
    text: str
    """Standard output and error as a person sees them."""
    seconds: float
    begun: list[Step]
    """Steps in the order in which the engine began them."""
    failed: list[Step]
    found: list[Step]
    """What a refresh found changed on the Kubernetes cluster."""
    fields: dict[Step, list[str]]
    """The properties that each step changes."""
    diagnostics: list[str]

    @property
    def changes(self) -> list[Step]:
        """Every step that changes something, sorted."""
        return sorted(step for step in self.begun if step[0] not in NO_CHANGE)

    @property
    def counts(self) -> Counter[str]:
        """How many steps there are of each operation, besides the looks at what is live."""
        return Counter(op for op, _, _ in self.begun if op != OpType.REFRESH)

    def of(self, *kinds: str) -> list[Step]:
        """The changes of some kinds of resources."""
        return [step for step in self.changes if step[1] in kinds]


@dataclass
class Running:
    """A command that runs beside the test. `wait` ends it; `kill` ends it as a power cut would."""

    process: "subprocess.Popen[str]"
    log: Path | None
    begin: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line)

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def says(self, words: str) -> bool:
        """Whether the words were printed. Fails the test when the command has ended without them."""
        said = words in self.text
        assert said or self.process.poll() is None, f"ended without a word of {words!r}:\n{self.text}"
        return said

    def wait(self, seconds: float = 300) -> Run:
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"not done after {seconds} s:\n{self.text}") from None
        took = time.monotonic() - self.begin
        self._reader.join(30)
        return _run(code, self.text, took, self.log)

    def kill(self) -> None:
        """SIGKILL for the engine, its plugins and the program: everything that this command has started."""
        if self.process.poll() is None:
            family = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
            for member in reversed(family):
                if member.is_running():
                    member.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self._reader.join(30)


def start(arguments: list[str], folder: Path, environment: dict[str, str], log: Path | None = None) -> Running:
    """`pulumi` with these arguments. A command that changes resources writes its events into the file `log`."""
    events = ["--event-log", str(log)] if log else []
    process = subprocess.Popen(
        ["pulumi", "--non-interactive", "--color", "never", *arguments, *events],
        cwd=folder,
        # The flag for the event log exists for the Automation API only, which sets this variable.
        env=os.environ | environment | {"PULUMI_DEBUG_COMMANDS": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Running(process, log)


def _run(code: int, text: str, seconds: float, log: Path | None) -> Run:
    run = Run(code, text, seconds, [], [], [], {}, [])
    refreshing: set[str] = set()
    for line in log.read_text().splitlines() if log and log.exists() else []:
        event = EngineEvent.from_json(json.loads(line))
        if event.resource_pre_event:
            metadata = event.resource_pre_event.metadata
            run.begun.append(_step(metadata))
            run.fields[_step(metadata)] = sorted(metadata.detailed_diff or {})
            refreshing |= {metadata.urn} if metadata.op == OpType.REFRESH else set()
        elif event.res_op_failed_event:
            run.failed.append(_step(event.res_op_failed_event.metadata))
        elif event.res_outputs_event and event.res_outputs_event.metadata.urn in refreshing:
            metadata = event.res_outputs_event.metadata
            refreshing.remove(metadata.urn)
            if _differs(metadata):
                run.found.append(_step(metadata))
        elif event.diagnostic_event and not event.diagnostic_event.ephemeral:
            run.diagnostics.append(event.diagnostic_event.message)
    return run


def _differs(metadata: StepEventMetadata) -> bool:
    """Whether a refresh found something. It ends in "same", "update" or "delete"; inside of another command always in
    "refresh", with a difference or without."""
    if metadata.op == OpType.REFRESH:
        return bool(metadata.detailed_diff) or metadata.new is None
    return metadata.op != OpType.SAME


def _step(metadata: StepEventMetadata) -> Step:
    return OpType(metadata.op).value, metadata.type.rsplit(":", 1)[-1], metadata.urn.rsplit("::", 1)[-1]


def names(steps: list[Any]) -> list[str]:
    """`["update Service main-endpoint", ...]`: short in messages and in comparisons."""
    return [" ".join(step) for step in steps]
