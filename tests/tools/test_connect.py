"""How `connect` decides on a way to a cluster, and what it says and writes. The live tier tries the ways themselves."""

import asyncio
import base64
import json
import stat
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask.config
import pytest
import yaml

from tests.unit.api import FakeApi
from tools.connect import environment, files, inventory, show
from tools.connect.environment import Inventory
from tools.connect.forward import Goal
from tools.connect.place import Place, choose
from tools.connect.reach import Reached, Ways, reach
from tools.failure import ToolError

ADDRESS, DASHBOARD = "tcp://10.0.0.1:30786", "http://10.0.0.1:30787/status"
PLACE = Place("lab", "lab-1a2b3c4d", "analytics", ADDRESS, DASHBOARD)
THERE = Inventory("3.11.9", {"dask": "2026.8.0", "distributed": "2026.8.0", "numpy": "2.4.0", "pip": "26"})
ONE = {"name": "lab-1a2b3c4d", "namespace": "analytics", "schedulerAddress": ADDRESS, "dashboardUrl": DASHBOARD}


class World:
    """What answers from here, and at which addresses a scheduler does."""

    def __init__(self, listening: tuple[str, ...] = (), schedulers: tuple[str, ...] = ()) -> None:
        self.listening, self.schedulers = listening, schedulers
        self.opened: list[Goal] = []

    async def answers(self, address: str) -> bool:
        return address in self.listening

    async def ask(self, address: str, tls: Mapping[str, str]) -> Inventory:
        if address not in self.schedulers:
            raise OSError("timed out")
        return THERE

    async def open(self, goal: Goal, wanted: int) -> int:
        self.opened.append(goal)
        return wanted

    def reach(self, place: Place, tls: Mapping[str, str] = {}, **options: Any) -> Reached:
        return asyncio.run(reach(place, tls, Ways(self.answers, self.ask, self.open), **options))


LOCAL = "tcp://127.0.0.1:8786"


def test_an_endpoint_that_answers_is_used_as_it_is() -> None:
    world = World((ADDRESS, DASHBOARD), (ADDRESS,))

    reached = world.reach(PLACE)

    assert reached == Reached(ADDRESS, DASHBOARD, None, THERE)
    assert world.opened == []


@pytest.mark.parametrize(
    ("place", "listening", "because"),
    [
        (PLACE, (), f"{ADDRESS} cannot be reached from here"),
        (PLACE, (ADDRESS, DASHBOARD), f"no scheduler answers at {ADDRESS}"),
        (replace(PLACE, address=None), (), "the endpoint has no address yet"),
    ],
)
def test_an_endpoint_that_does_not_answer_is_forwarded_with_its_dashboard(
    place: Place, listening: tuple[str, ...], because: str
) -> None:
    world = World(listening, (LOCAL,))

    reached = world.reach(place)

    assert reached == Reached(LOCAL, "http://127.0.0.1:8787/status", None, THERE, because, forwarded=True)
    assert world.opened == [
        Goal("analytics", "lab", "dask-tcp-comm"),
        Goal("analytics", "lab", "dask-http-dashboard"),
    ]


def test_a_forward_can_be_asked_for() -> None:
    reached = World((ADDRESS, DASHBOARD), (ADDRESS, LOCAL)).reach(PLACE, forward=True)

    assert (reached.address, reached.because) == (LOCAL, "--forward asks for it")


def test_a_dashboard_that_cannot_be_reached_is_forwarded_alone() -> None:
    world = World((ADDRESS,), (ADDRESS,))

    reached = world.reach(PLACE)

    assert reached == Reached(ADDRESS, "http://127.0.0.1:8787/status", None, THERE, forwarded=True)
    assert world.opened == [Goal("analytics", "lab", "dask-http-dashboard")]


def test_a_notebook_is_forwarded_from_its_own_service() -> None:
    place = replace(PLACE, notebook="http://lab-notebook.analytics.svc:8888/lab")
    world = World((ADDRESS, DASHBOARD), (ADDRESS,))

    reached = world.reach(place)

    assert (reached.notebook, reached.forwarded) == ("http://127.0.0.1:8888/lab", True)
    assert world.opened == [Goal("analytics", "lab-notebook", "http-notebook")]


@pytest.mark.parametrize(
    ("place", "tls"),
    [
        (replace(PLACE, address="tls://lab.analytics.svc:8786"), {}),
        (replace(PLACE, address=None), {"ca": "ca.pem"}),
    ],
)
def test_a_forward_speaks_tls_where_the_cluster_does(place: Place, tls: dict[str, str]) -> None:
    assert World((), ("tls://127.0.0.1:8786",)).reach(place, tls).address == "tls://127.0.0.1:8786"


def test_a_cluster_without_a_scheduler_is_an_error_that_says_where_to_look() -> None:
    with pytest.raises(ToolError, match=r"behind the Service lab in namespace analytics either: .*`make status`"):
        World().reach(PLACE)


@pytest.mark.parametrize(
    ("outputs", "name", "message"),
    [
        ({}, "", "the stack dev has no clusters in its outputs; run `make up`"),
        ({"clusters": {"a": ONE, "b": ONE}}, "", "has several clusters; name one of them: a, b"),
        ({"clusters": {"a": ONE}}, "b", "has no cluster 'b'; its clusters are: a"),
        (
            {"clusters": {"a": ONE | {"suspended": True}}},
            "",
            "'a' is suspended, so its address refuses connections; remove `suspended` from",
        ),
    ],
)
def test_a_cluster_that_cannot_be_chosen_is_said(outputs: dict[str, Any], name: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        choose(outputs, "dev", name)


def test_the_only_cluster_is_chosen_with_its_certificates_and_its_notebook() -> None:
    lab = ONE | {"notebookUrl": "http://x:8888/lab"}
    outputs = {"clusters": {"lab": lab}, "clientTls": {"lab": {"ca": "PEM"}}, "notebookTokens": {"lab": "t"}}

    assert choose(outputs, "dev") == replace(PLACE, notebook="http://x:8888/lab", token="t", certificates={"ca": "PEM"})


def inventories(python: str, **packages: str) -> Inventory:
    kept = {name: version for name, version in (dict(THERE.packages) | packages).items() if version}
    return Inventory(python, kept)


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (inventories("3.11.2"), []),
        (
            inventories("3.12.1"),
            [
                "Python is 3.12.1 here and 3.11.9 in the cluster: functions cannot be sent; "
                "use Python 3.11: `uv venv --python 3.11` or `conda create -n dask python=3.11`"
            ],
        ),
        (
            inventories("3.11.2", distributed="2025.1.0"),
            [
                "distributed is 2025.1.0 here and 2026.8.0 in the cluster: client and cluster may not understand each "
                'other; `pip install "distributed==2026.8.0"`'
            ],
        ),
        (
            inventories("3.11.2", numpy=""),
            [
                "numpy is missing here and 2.4.0 in the cluster: Dask warns, and what needs it cannot be read here; "
                '`pip install "numpy==2.4.0"`'
            ],
        ),
        (
            inventories("3.11.2", numpy="1.26.4"),
            ['numpy is 1.26.4 here and 2.4.0 in the cluster: data can be misread; `pip install "numpy==2.4.0"`'],
        ),
    ],
)
def test_every_version_that_matters_is_named_with_its_fix(here: Inventory, said: list[str]) -> None:
    assert [str(it) for it in environment.differences(here, THERE)] == said


def test_other_packages_are_counted() -> None:
    there = inventories("3.11.9", scipy="1.17", optuna="4.5")

    assert environment.others(inventories("3.11.2", scipy="1.16", numpy="1"), there) == 1


def test_the_clusters_packages_are_written_for_pip_and_for_conda(tmp_path: Path) -> None:
    there = Inventory(
        "3.11.9",
        {"msgpack": "1.1", "dask": "2026.8.0", "optuna": "4.5", "own": "0.1", "pip": "26"},
        sources={"own": "git+https://example.com/own@abc"},
        conda={"msgpack": "msgpack-python", "dask": "dask-core", "pip": "pip"},
    )

    written = environment.write(tmp_path / "client", "of the cluster 'lab'", there)

    pip, conda = (file.read_text() for file in written)
    assert pip.splitlines() == [
        "# Written by `tools connect`: of the cluster 'lab', for Python 3.11.",
        *("dask==2026.8.0", "msgpack==1.1", "optuna==4.5", "own @ git+https://example.com/own@abc"),
    ]
    assert yaml.safe_load(conda)["dependencies"] == [
        *("python=3.11", "pip", "dask-core=2026.8.0", "msgpack-python=1.1"),
        {"pip": ["optuna==4.5", "own @ git+https://example.com/own@abc"]},
    ]
    assert environment.write(tmp_path / "client", "again", there) == written


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "project" / "requirements.txt").write_text("pulumi==3\n")

    with pytest.raises(ToolError, match=r"requirements\.txt exists and is not from this command"):
        environment.write(tmp_path / "project", "of the cluster", THERE)

    assert (tmp_path / "project" / "requirements.txt").read_text() == "pulumi==3\n"
    assert not (tmp_path / "project" / "environment.yml").exists()


def test_an_interpreter_is_asked_for_its_own_packages() -> None:
    found = environment.of_interpreter(sys.executable)

    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.packages["pyyaml"] == yaml.__version__
    assert found.packages["pydantic-core"]


def test_an_interpreter_that_does_not_run_is_said() -> None:
    with pytest.raises(ToolError, match=r"--python /nowhere/python: cannot be asked for its packages: .*No such file"):
        environment.of_interpreter("/nowhere/python")


def test_what_conda_has_installed_is_known_by_both_names(tmp_path: Path) -> None:
    site = "lib/python3.11/site-packages"
    records = {
        "msgpack-python": [f"{site}/msgpack-1.1.0.dist-info/METADATA", f"{site}/msgpack/__init__.py"],
        "dask-core": [f"{site}/dask-2026.8.0.dist-info/METADATA"],
        "pytz": [f"{site}/pytz-2026.1-py3.11.egg-info/PKG-INFO"],
        "openssl": ["lib/libssl.so"],
    }
    for name, listed in records.items():
        (tmp_path / f"{name}-1-0.json").write_text(json.dumps({"name": name, "files": listed}))

    assert inventory.conda(tmp_path) == {"msgpack": "msgpack-python", "dask": "dask-core", "pytz": "pytz"}


def test_certificates_are_for_the_user_alone(tmp_path: Path) -> None:
    written = files.write_private(tmp_path / "tls", {"ca": "A", "key": "K"})

    modes = {stat.S_IMODE(Path(path).stat().st_mode) for path in written.values()}
    assert (modes, stat.S_IMODE((tmp_path / "tls").stat().st_mode)) == ({0o600}, 0o700)
    assert Path(written["key"]).read_text() == "K"


def test_dask_reads_the_configuration_that_is_written(tmp_path: Path) -> None:
    tls = {"ca": "/tls/ca.pem", "cert": "/tls/cert.pem", "key": "/tls/key.pem"}

    files.write_config(tmp_path, "tls://127.0.0.1:8786", tls)

    found = dask.config.collect(paths=[str(tmp_path)], env={})
    assert found["scheduler-address"] == "tls://127.0.0.1:8786"
    comm = found["distributed"]["comm"]
    assert comm["require-encryption"] is True
    assert comm["tls"] == {"ca-file": tls["ca"], "client": {"cert": tls["cert"], "key": tls["key"]}}
    files.write_config(tmp_path, ADDRESS, {})
    assert dask.config.collect(paths=[str(tmp_path)], env={}) == {"scheduler-address": ADDRESS}


HOME = "namespaces/analytics"
CLUSTER = f"apis/kubernetes.dask.org/v1/{HOME}/daskclusters/lab-1a2b3c4d"


def mounting(*volumes: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"scheduler": {"spec": {"volumes": list(volumes)}}}}


def test_own_certificates_are_read_from_the_secret_that_the_cluster_mounts() -> None:
    data = {"ca.crt": "A", "client.crt": "C", "client.key": "K", "scheduler.key": "S"}
    secret = {"data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}}
    volume = {"name": "dask-tls", "secret": {"secretName": "own"}}
    api = FakeApi({CLUSTER: mounting(volume), f"api/v1/{HOME}/secrets/own": secret})

    assert asyncio.run(files.certificates(PLACE, api)) == {"ca": "A", "cert": "C", "key": "K"}


def test_a_cluster_without_tls_has_no_certificates() -> None:
    assert asyncio.run(files.certificates(PLACE, FakeApi({CLUSTER: mounting()}))) == {}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (403, "ask for permission to `get` it"),
        ({"data": {"ca.crt": ""}}, "the Secret own has no cert, key of a client"),
    ],
)
def test_certificates_that_cannot_be_had_are_said(answer: Any, message: str) -> None:
    volume = {"name": "dask-tls", "secret": {"secretName": "own"}}
    api = FakeApi({CLUSTER: mounting(volume), f"api/v1/{HOME}/secrets/own": answer})

    with pytest.raises(ToolError, match=message):
        asyncio.run(files.certificates(PLACE, api))


def report(**changes: Any) -> show.Report:
    reached = Reached(LOCAL, None, "http://127.0.0.1:8888/lab", THERE, "of a test", forwarded=True)
    given = {"place": replace(PLACE, token="t0k3n"), "reached": reached, "python": "python", "here": THERE}
    return show.Report(**(given | {"differences": [], "others": 0, "tls": {}, "files": []} | changes))


def test_what_is_printed_can_be_pasted() -> None:
    text = show.as_text(report())

    assert 'client = Client("tcp://127.0.0.1:8786")' in text
    assert f"scheduler   {LOCAL}, forwarded to the Service lab, because of a test" in text
    assert "notebook    http://127.0.0.1:8888/lab?token=t0k3n" in text
    assert "Python 3.11.9, Dask 2026.8.0" in text


@pytest.mark.parametrize("tls", [{}, {"ca": "/a", "cert": "/c", "key": "/k"}])
def test_the_code_is_python(tls: dict[str, str]) -> None:
    code = show.code(LOCAL, tls)

    compile(code, "pasted", "exec")
    assert all(path in code for path in tls.values())
    assert json.loads(show.as_json(report(tls=tls)))["code"] == code


def test_connect_runs_with_the_stacks_cluster_and_state(cli: Path, run: Any) -> None:
    code, became = run("connect", "lab", "--json")

    assert code == 0
    assert became.argv[1:] == ["-m", "tools.connect", "--stack", "test", "lab", "--json"]
    assert became.environment["PULUMI_BACKEND_URL"].startswith("file://")
