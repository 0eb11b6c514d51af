"""The engine's language host, as the engine calls it: over gRPC, with a program of a few lines."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import language_pb2 as messages
from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeStub

from devcluster import engine

pytestmark = pytest.mark.slow
ENVIRONMENT = Path(sys.prefix)
# Stands where a virtual environment has its Python, and writes down what the host gives a program.
PYTHON = """#!/bin/sh
printenv PULUMI_CONFIG > {folder}/config.json
printenv PULUMI_CONFIG_SECRET_KEYS > {folder}/secrets.json
"""


@pytest.fixture(scope="module")
def host() -> Iterator[LanguageRuntimeStub]:
    """A running host. Nobody answers at the engine's address, which the host finds out after ten seconds."""
    command = [str(engine.ensure() / "pulumi-language-python"), "127.0.0.1:9"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield LanguageRuntimeStub(channel)
        process.terminate()


def info(folder: Path, environment: Path) -> messages.ProgramInfo:
    options = struct_pb2.Struct()
    options.update({"toolchain": "pip", "virtualenv": str(environment)})
    return messages.ProgramInfo(
        root_directory=str(folder), program_directory=str(folder), entry_point=".", options=options
    )


def run(host: LanguageRuntimeStub, folder: Path, **config: str) -> tuple[dict[str, str], list[str]]:
    """The configuration and the names of its secrets that a program gets."""
    python = folder / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.format(folder=folder))
    python.chmod(0o755)
    about = info(folder, folder / "venv")
    host.Run(messages.RunRequest(project="p", stack="s", pwd=str(folder), info=about, config=config))
    config_file, secrets = (json.loads((folder / f"{name}.json").read_text()) for name in ("config", "secrets"))
    return config_file, secrets


def test_a_program_of_a_stack_without_configuration_runs(host: LanguageRuntimeStub, tmp_path: Path) -> None:
    assert run(host, tmp_path) == ({}, [])


def test_a_program_gets_the_configuration_of_its_stack(host: LanguageRuntimeStub, tmp_path: Path) -> None:
    assert run(host, tmp_path, **{"p:key": "value"}) == ({"p:key": "value"}, [])


def test_the_host_names_the_python_of_the_environment(host: LanguageRuntimeStub, tmp_path: Path) -> None:
    about = host.About(messages.AboutRequest(info=info(tmp_path, ENVIRONMENT)))

    assert Path(about.executable).samefile(ENVIRONMENT / "bin" / "python")
    assert about.version == ".".join(map(str, sys.version_info[:3]))
