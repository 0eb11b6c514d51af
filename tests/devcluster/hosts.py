"""A language host that runs, with a stand-in for the engine that started it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from devcluster import engine

VENV = Path(sys.prefix)


class Engine(engine_pb2_grpc.EngineServicer, resource_pb2_grpc.ResourceMonitorServicer):
    """Takes every resource, and keeps what is logged."""

    def __init__(self) -> None:
        self.logged: list[str] = []
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self.server)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, self.server)
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.logged.append(request.message)
        return empty_pb2.Empty()

    def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        return engine_pb2.SetRootResourceResponse()

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: N802
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        return resource_pb2.RegisterResourceResponse(urn=f"urn:pulumi:dev::test::{request.type}::{request.name}")

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


@dataclass(frozen=True)
class Host:
    """A host, its engine, a folder for programs, and calls to it."""

    process: subprocess.Popen[str]
    engine: Engine
    folder: Path
    calls: Any
    kept: list[Any] = field(default_factory=list)
    """Calls that are under way: one that is not referred to is cancelled."""

    def info(self, **options: Any) -> Any:
        """The program in `folder`, in the environment that runs this test unless another is named."""
        given = struct_pb2.Struct()
        given.update({"virtualenv": str(VENV)} | options)
        place = str(self.folder)
        return language_pb2.ProgramInfo(root_directory=place, program_directory=place, entry_point=".", options=given)

    def write(self, program: str) -> None:
        (self.folder / "__main__.py").write_text(program)

    def run(self, program: str, **options: Any) -> Any:
        """Run a program to its end; the call, whose `result()` is the answer."""
        self.write(program)
        request = language_pb2.RunRequest(
            project="test",
            stack="dev",
            organization="organization",
            pwd=str(self.folder),
            info=self.info(**options),
            monitor_address=self.engine.address,
            config={"test:greeting": "hello"},
            parallel=2,
        )
        self.kept.append(self.calls.Run.future(request, timeout=60))
        return self.kept[-1]

    def plugin(self, program: str, *arguments: str) -> Any:
        """Run a plugin; the call, which yields its output."""
        self.write(program)
        request = language_pb2.RunPluginRequest(
            pwd=str(self.folder), args=arguments, env=["GREETING=hello"], info=self.info(), kind="resource", name="own"
        )
        return self.calls.RunPlugin(request, timeout=60)

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        """Send a signal; the exit code and what was written since the port."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str, str]:
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, output, errors


@contextmanager
def running(folder: Path) -> Iterator[Host]:
    """A host of the present sources, built first where the cache has none; ended with the body."""
    own = Engine()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PULUMI_"))}
    with subprocess.Popen(
        [str(engine.ensure() / "pulumi-language-python"), own.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Host(process, own, folder, language_pb2_grpc.LanguageRuntimeStub(channel))
        finally:
            process.kill()
            own.server.stop(None)
