"""Runs programs against a monitor that records what they register, with which inputs and options."""

import asyncio
import json
import runpy
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.runtime import mocks, rpc, set_all_config, settings
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs
from pulumi.runtime.stack import run_in_stack

Body = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
# The id that the state of a recorded stack holds.
OWNER_ID = "0123456789ab"


@dataclass
class Registration:
    """One registered resource: its type, name, inputs, and the raw request with all options."""

    type: str
    name: str
    inputs: dict[str, Any]
    request: Any

    @property
    def kind(self) -> str:
        """`Service` of `kubernetes:core/v1:Service`."""
        return self.type.rsplit(":", 1)[-1]

    @property
    def depends_on(self) -> set[str]:
        """The logical names of what it waits for."""
        return {urn.rsplit("::", 1)[-1] for urn in self.request.dependencies}

    @property
    def parent(self) -> str:
        return self.request.parent.rsplit("::", 1)[-1]


@dataclass
class Recording(mocks.Mocks):
    """Answers like a cluster that gives every NodePort Service the ports 31000 and up."""

    referenced: Mapping[str, Any] = field(default_factory=dict)
    """The outputs of the stack that the program refers to."""
    registrations: list[Registration] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    read: dict[tuple[str, str], str] = field(default_factory=dict)
    """What was only read: the id by the parent's type and the logical name, which the URN is made of."""

    @property
    def made(self) -> dict[str, Registration]:
        """By logical name, where no two have the same under different parents."""
        return {one.name: one for one in self.registrations}

    @property
    def objects(self) -> list[Body]:
        """The Kubernetes objects, with secrets in plain text."""
        return [_named(one.name, revealed(one.inputs)) for one in self.registrations if "apiVersion" in one.inputs]

    def of_kind(self, kind: str) -> list[Registration]:
        """The registrations of one kind, in their order."""
        return [one for one in self.registrations if one.kind == kind]

    def only(self, kind: str) -> Registration:
        """The one registration of its kind."""
        [made] = self.of_kind(kind)
        return made

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program calls {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        state = _named(args.name, args.inputs) if "apiVersion" in args.inputs else dict(args.inputs)
        if args.typ.endswith(":Service") and state["spec"]["type"] == "NodePort":
            ports = [
                port | {"nodePort": port.get("nodePort", 31000 + n)} for n, port in enumerate(state["spec"]["ports"])
            ]
            state["spec"] = state["spec"] | {"ports": ports}
        if args.typ == "pulumi:index:Stash":
            state["output"] = OWNER_ID
        if args.typ == "pulumi:pulumi:StackReference":
            state |= {"outputs": self.referenced, "secretOutputNames": ["clientTls"]}
        if args.typ == "kubernetes:helm.sh/v3:Release":
            state["status"] = {"appVersion": "2026.3.0"}
        return f"{args.name}-id", state


class RecordingMonitor(MockMonitor):
    """Keeps the whole request: the plain mock drops the options."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self.recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the gRPC method
        inputs = rpc.deserialize_properties(request.object)
        self.recording.registrations.append(Registration(request.type, request.name, inputs, request))
        return super().RegisterResource(request)

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - the name of the gRPC method
        parent = request.parent.split("::")[2].rpartition("$")[2]
        self.recording.read[parent, request.name] = request.id
        return super().ReadResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the name of the gRPC method
        if request.urn.split("::")[2] == "pulumi:pulumi:Stack":
            self.recording.outputs |= rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)


def _named(name: str, body: Body) -> Body:
    """The provider names what the program does not."""
    return body | {"metadata": {"name": f"{name}-1a2b3c4d"} | body.get("metadata", {})}


def revealed(value: Any) -> Any:
    """The value with the SDK's wrappers of secrets taken off."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, dict):
        return {key: revealed(item) for key, item in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list) else value


def registered(
    config: Mapping[str, Any],
    program: str | Callable[[], Any] = "__main__.py",
    *,
    project: str = "dask",
    stack: str = "dev",
    referenced: Mapping[str, Any] | None = None,
    preview: bool = False,
) -> Recording:
    """What a program registers with a configuration: a function, or a file of the repository.

    Keys without a project are those of the program's own.
    """

    def main() -> None:
        texts = {key: it if isinstance(it, str) else json.dumps(it) for key, it in config.items()}
        set_all_config({key if ":" in key else f"{project}:{key}": text for key, text in texts.items()})
        if callable(program):
            program()
        else:
            runpy.run_path(str(ROOT / program), run_name="__main__")

    return record(main, stack, project, referenced, preview=preview)


def record(
    program: Callable[[], Any],
    stack: str = "dev",
    project: str = "dask",
    referenced: Mapping[str, Any] | None = None,
    *,
    preview: bool = False,
) -> Recording:
    """Runs `program` as a stack. Returns what was registered and the exported outputs."""
    recording = Recording(referenced or {})
    loops: list[asyncio.AbstractEventLoop] = []

    def own_loop() -> None:
        """The monitor makes a loop for every thread that it runs in, and closes none."""
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    async def run() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(initializer=own_loop))
        monitor = RecordingMonitor(recording)
        mocks.set_mocks(recording, project=project, stack=stack, preview=preview, monitor=monitor)
        # Mocks keep what a failed program before, in this process, has left to wait for.
        settings.SETTINGS.outputs.clear()  # pyright: ignore[reportAttributeAccessIssue]
        settings.SETTINGS.engine.RequirePulumiVersion = lambda _: None  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
        settings.ROOT.set(None)  # set_mocks has made a root stack and closed it; run_in_stack makes the real one
        await run_in_stack(program)

    try:
        asyncio.run(run())
    finally:
        for loop in loops:
            loop.close()
    return recording
