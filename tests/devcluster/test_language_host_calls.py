"""The language host for Python, as the engine calls it. It is built first where the cache has none."""

import json
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2

from tests.devcluster.hosts import VENV, Host, running
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WAITING = """
import os, pathlib, signal, sys, time
pathlib.Path("pid").write_text(str(os.getpid()))
print("begun", flush=True)
time.sleep(300)
"""
STUBBORN = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + WAITING
CODE = "import os\nos._exit(3)\n"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with running(tmp_path) as it:
        yield it


def begun(host: Host) -> int:
    """The process of a program that has begun."""
    file = host.folder / "pid"
    return int(wait_until(lambda: file.exists() and file.read_text(), 30, "the program begins"))


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and is not collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def refused(call: Any) -> str:
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.details() or ""


def test_a_program_that_ends_well_answers_nothing(host: Host) -> None:
    answer = host.run("import pulumi\nassert pulumi.Config().require('greeting') == 'hello'\n").result()

    assert (answer.error, answer.bail) == ("", False)


def test_a_programs_output_is_passed_on_while_it_runs(host: Host) -> None:
    call = host.run(f"print('a line')\n{WAITING}")

    assert host.process.stdout is not None
    assert [host.process.stdout.readline() for _ in range(2)] == ["a line\n", "begun\n"]
    assert not call.done()


def test_output_without_a_flush_is_not_held_back(host: Host) -> None:
    host.run(f"import sys\nsys.stdout.write('half a line')\nsys.stderr.write('an error\\n')\n{WAITING}")

    assert host.process.stderr is not None
    assert host.process.stderr.readline() == "an error\n"
    assert host.process.stdout is not None
    assert host.process.stdout.read(len("half a line")) == "half a line"


def test_a_program_that_raises_has_told_its_error_to_the_engine(host: Host) -> None:
    answer = host.run("raise ValueError('too many workers')\n").result()

    assert (answer.error, answer.bail) == ("", True)
    assert any("ValueError: too many workers" in message for message in host.engine.logged)


@pytest.mark.parametrize(
    ("program", "code"), [(CODE, 3), ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", 1)]
)
def test_a_program_that_ends_by_itself_is_an_error_with_its_code(host: Host, program: str, code: int) -> None:
    answer = host.run(program).result()

    assert answer.error == f"Program exited with non-zero exit code: {code}"
    assert not answer.bail


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_host_quietly(host: Host, number: signal.Signals) -> None:
    assert host.end(number) == (0, "", "")


@pytest.mark.parametrize("program", [WAITING, STUBBORN], ids=["interrupted", "killed"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_program_too(host: Host, number: signal.Signals, program: str) -> None:
    host.run(program)
    process = begun(host)

    code, output, errors = host.end(number)

    assert (code, output) == (0, "begun\n")
    assert "pulumi-language-python" not in errors.replace("pulumi-language-python-exec", "")
    assert not alive(process)


def test_a_host_whose_engine_was_killed_ends_with_its_program(host: Host) -> None:
    host.run(WAITING)
    process = begun(host)

    host.engine.server.stop(None)

    assert host.ended()[0] == 0
    assert not alive(process)


def test_without_an_address_the_host_says_who_starts_it(host: Host) -> None:
    done = subprocess.run(host.process.args[:1], capture_output=True, text=True, check=False)  # type: ignore[index]

    assert done.returncode == 2
    assert "the engine starts this program; its address is missing" in done.stderr


def test_a_plugins_output_is_streamed_and_its_exit_code_comes_last(host: Host) -> None:
    program = (
        "import os, sys\nprint(os.environ['GREETING'], *sys.argv[1:])\nprint('why', file=sys.stderr)\nsys.exit(4)\n"
    )

    answers = list(host.plugin(program, "one", "two words"))

    assert b"".join(it.stdout for it in answers) == b"hello one two words\n"
    assert b"".join(it.stderr for it in answers) == b"why\n"
    assert answers[-1].WhichOneof("output") == "exitcode"
    assert answers[-1].exitcode == 4


def test_a_plugins_port_arrives_while_it_runs(host: Host) -> None:
    written = b""
    for answer in host.plugin(WAITING):
        written += answer.stdout
        if written.endswith(b"\n"):
            break

    assert written == b"begun\n"


@pytest.mark.parametrize("program", [WAITING, STUBBORN], ids=["interrupted", "killed"])
def test_a_cancelled_call_ends_the_plugin(host: Host, program: str) -> None:
    call = host.plugin(program)
    next(call)
    process = begun(host)

    call.cancel()

    wait_until(lambda: not alive(process), 15, "the plugin ends")


@pytest.mark.parametrize("call", ["Run", "RunPlugin", "GetRequiredPackages", "GetProgramDependencies", "About"])
def test_a_missing_environment_is_named_with_the_command_that_creates_it(host: Host, call: str) -> None:
    info, place = host.info(virtualenv="nowhere"), str(host.folder)
    requests = {
        "Run": lambda: host.run("", virtualenv="nowhere").result(),
        "RunPlugin": lambda: list(host.calls.RunPlugin(language_pb2.RunPluginRequest(pwd=place, info=info))),
        "GetRequiredPackages": lambda: host.calls.GetRequiredPackages(
            language_pb2.GetRequiredPackagesRequest(info=info)
        ),
        "GetProgramDependencies": lambda: host.calls.GetProgramDependencies(
            language_pb2.GetProgramDependenciesRequest(info=info)
        ),
        "About": lambda: host.calls.About(language_pb2.AboutRequest(info=info)),
    }

    words = refused(requests[call])

    assert f"{host.folder}/nowhere" in words
    assert "-m venv" in words or "pulumi install" in words


def test_an_unknown_toolchain_is_refused_with_the_known_ones(host: Host) -> None:
    words = refused(lambda: host.calls.About(language_pb2.AboutRequest(info=host.info(toolchain="conda"))))

    assert words == 'runtime.options.toolchain: "conda" must be pip, poetry or uv'


def test_the_providers_are_those_of_the_installed_sdks(host: Host) -> None:
    request = language_pb2.GetRequiredPackagesRequest(info=host.info())

    found = {it.name: it for it in host.calls.GetRequiredPackages(request).packages}

    assert found["kubernetes"].version.removeprefix("v") == version("pulumi_kubernetes")
    assert found["kubernetes"].kind == "resource"


def test_a_broken_description_of_a_provider_is_named(host: Host) -> None:
    site = other_environment(host)
    (site / "pulumi_own" / "pulumi-plugin.json").write_text("{")
    request = language_pb2.GetRequiredPackagesRequest(info=host.info(virtualenv="own"))

    assert f"{site}/pulumi_own/pulumi-plugin.json: " in refused(lambda: host.calls.GetRequiredPackages(request))


def test_only_what_serves_resources_is_a_provider_and_a_missing_name_is_the_folders(host: Host) -> None:
    site = other_environment(host)
    (site / "pulumi_own_cloud").mkdir()
    (site / "pulumi_own_cloud" / "pulumi-plugin.json").write_text(json.dumps({"resource": True, "version": "1.2.3"}))
    (site / "pulumi_own" / "pulumi-plugin.json").write_text(json.dumps({"resource": False, "name": "own"}))
    request = language_pb2.GetRequiredPackagesRequest(info=host.info(virtualenv="own"))

    [found] = host.calls.GetRequiredPackages(request).packages

    assert (found.name, found.version) == ("own-cloud", "1.2.3")


def other_environment(host: Host) -> Path:
    """A virtual environment with nothing but a folder for a provider's SDK; its folder of packages."""
    venv.create(host.folder / "own", with_pip=False, symlinks=True)
    [site] = (host.folder / "own" / "lib").glob("python*/site-packages")
    (site / "pulumi_own").mkdir()
    return site.resolve()


def test_the_dependencies_are_the_installed_distributions(host: Host) -> None:
    request = language_pb2.GetProgramDependenciesRequest(info=host.info(), transitiveDependencies=True)

    found = {it.name: it.version for it in host.calls.GetProgramDependencies(request).dependencies}

    assert found["pulumi"] == version("pulumi")
    assert found["pulumi_kubernetes"] == version("pulumi_kubernetes")


def test_about_names_the_environments_python(host: Host) -> None:
    about = host.calls.About(language_pb2.AboutRequest(info=host.info()))

    assert Path(about.executable) == VENV / "bin" / "python" or about.executable.startswith(f"{VENV}/bin/python")
    assert about.version == ".".join(map(str, sys.version_info[:3]))


def test_the_host_has_the_version_of_the_sdk(host: Host) -> None:
    assert host.calls.GetPluginInfo(empty_pb2.Empty()).version.removeprefix("v") == version("pulumi")
