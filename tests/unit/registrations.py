"""Runs the program's components against a recording monitor: what is registered, with which options."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs
from pulumi.runtime.stack import run_in_stack

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
    def depends_on(self) -> set[str]:
        """The logical names of what it waits for."""
        return {urn.rsplit("::", 1)[-1] for urn in self.request.dependencies}

    @property
    def parent(self) -> str:
        return self.request.parent.rsplit("::", 1)[-1]


@dataclass
class Recording(mocks.Mocks):
    """Answers like a cluster that gives every NodePort Service the ports 31000 and up."""

    registrations: list[Registration] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    read: dict[tuple[str, str], str] = field(default_factory=dict)
    """What was only read: the id by the parent's type and the logical name, which the URN is made of."""

    @property
    def made(self) -> dict[str, Registration]:
        """By logical name, where no two have the same under different parents."""
        return {one.name: one for one in self.registrations}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return {}, None

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        state = dict(args.inputs)
        if args.typ.endswith(":Service") and state["spec"]["type"] == "NodePort":
            ports = [
                port | {"nodePort": port.get("nodePort", 31000 + n)} for n, port in enumerate(state["spec"]["ports"])
            ]
            state["spec"] = state["spec"] | {"ports": ports}
        if args.typ == "pulumi:index:Stash":
            state["output"] = OWNER_ID
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


def record(program: Callable[[], None], stack: str = "dev") -> Recording:
    """Runs `program` as a stack. Returns what was registered and the exported outputs."""
    recording = Recording()
    loops: list[asyncio.AbstractEventLoop] = []

    def own_loop() -> None:
        """The monitor makes a loop for every thread that it runs in, and closes none."""
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    async def run() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(initializer=own_loop))
        monitor = RecordingMonitor(recording)
        mocks.set_mocks(recording, project="dask", stack=stack, preview=False, monitor=monitor)
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
