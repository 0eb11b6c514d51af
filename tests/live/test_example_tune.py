"""examples/tune.py against real workers whose volume holds the CSV files; the stack is Pulumi.tutorial.yaml's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from examples import make_csv
from tests.support.clusters import ROOT
from tests.support.stacks import ML_IMAGE, Stack

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def address(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tutorial's cluster on a directory of ours, with the local image that has scikit-learn in it."""
    data = tmp_path_factory.mktemp("volume") / "data"
    make_csv.write(make_csv.Plan(data, megabytes=2, files=4, features=8, seed=0))
    tutorial = yaml.safe_load((ROOT / "Pulumi.tutorial.yaml").read_text())["config"]["dask:clusters"]["analytics"]
    [volume] = tutorial["volumes"]
    local = {"image": ML_IMAGE, "volumes": [volume | {"hostPath": str(data)}], "readyTimeout": "4m"}
    # Restricted Pod Security forbids hostPath volumes.
    namespace = stack.config["namespace"] | {"podSecurity": "privileged"}
    stack.up(namespace=namespace, clusters={"analytics": tutorial | local})
    return stack.address("analytics")


def tune(address: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "ignore", "-m", "examples.tune", "--address", address, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_the_search_reads_the_volume_uses_both_workers_and_saves_its_plot(address: str, tmp_path: Path) -> None:
    plot = tmp_path / "trials.png"

    ended = tune(address, "--data", "/data", "--trials", "6", "--rows", "1000", "--plot", str(plot))

    assert ended.returncode == 0, ended.stderr
    assert "2 workers with 2 threads" in ended.stdout
    assert re.search(r"read 4 files, 2\.0 MB, [\d,]+ rows", ended.stdout)
    best = re.search(r"best score: (0\.\d+) accuracy", ended.stdout)
    assert best, ended.stdout
    assert 0.55 < float(best[1]) < 1 - make_csv.WRONG_LABELS + 0.03
    assert re.search(r"speed-up: 2 workers are \d+\.\d+ times as fast as one", ended.stdout)
    assert plot.read_bytes().startswith(PNG)


def test_a_directory_that_is_no_volume_is_told_and_nothing_is_searched(address: str) -> None:
    ended = tune(address, "--data", "/nowhere")

    assert ended.returncode == 1
    assert "--data: the workers see no *.csv in /nowhere; it must be a volume's mountPath" in ended.stderr
    assert "best score" not in ended.stdout
