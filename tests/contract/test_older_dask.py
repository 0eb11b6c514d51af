"""What runs in the pods works with the Dask of an older image. The scripts use what distributed does not document."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.rendering import ROOT
from tests.support.installing import install

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
# The oldest that docs/recipes.md names, and the last one before distributed gave a method that is used another name.
VERSIONS = ["2023.3.0", "2025.1.0"]
# The autoscaler, the preStop, the verification.
TESTS = [
    "test_elastic.py::test_killed_between_two_writes_it_goes_on_from_what_it_finds",
    "test_elastic.py::test_a_worker_that_leaves_is_given_no_task",
    "test_elastic.py::test_a_worker_that_is_deleted_while_it_starts_is_given_no_task",
    "test_departures.py::test_a_worker_that_registers_after_its_pre_stop_begins_no_task_and_ends[]",
    "test_departures.py::test_running_tasks_end_and_their_results_move",
    "test_departures.py::test_a_worker_with_actors_hands_over_its_data_and_says_that_the_actors_are_lost",
    "test_departures.py::test_a_task_that_outlasts_the_deadline_is_begun_again_without_blame",
    "test_verification.py::test_it_says_which_dask_and_which_python_have_computed",
    "test_verification.py::test_a_function_that_the_workers_cannot_take_is_a_readable_line",
]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_scripts_work_with_an_older_dask(version: str, tmp_path: Path) -> None:
    install(tmp_path, f"dask=={version}", f"distributed=={version}")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    loaded = [sys.executable, "-c", "import dask, distributed; print(dask.__version__, distributed.__version__)"]
    shown = subprocess.run(loaded, env=environment, check=True, capture_output=True, text=True).stdout
    assert shown.split() == [version, version]

    assert version in (ROOT / "docs/recipes.md").read_text(), "the versions are those that the page names"

    tests = [f"tests/contract/{test}" for test in TESTS]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests], env=environment, cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout[-8000:]
    assert f"{len(tests)} passed" in done.stdout
