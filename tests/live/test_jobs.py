"""DaskJobs run to their end, once, and say how it went."""

from typing import Any

from tests.stacks import Stack

COMPUTE = """
from distributed import Client
with Client() as client:
    print("the sum is", client.submit(sum, range({n})).result())
"""


def job(script: str) -> dict[str, Any]:
    return {"once": {"runner": {"script": script}, "workers": {"replicas": 1}, "timeout": "3m"}}


def test_up_waits_for_the_end_and_shows_the_last_lines(stack: Stack) -> None:
    result = stack.up(jobs=job(COMPUTE.format(n=10)))

    assert "the sum is 45" in result.text


def test_the_same_job_is_not_run_again_and_a_changed_one_is(stack: Stack) -> None:
    name = stack.outputs()["jobs"]["once"]["name"]

    again = stack.up()
    changed = stack.up(jobs=job(COMPUTE.format(n=11)))

    assert "the sum is" not in again.text
    assert "the sum is 55" in changed.text
    assert stack.outputs()["jobs"]["once"]["name"] != name
    assert stack.kubectl("get", "daskjobs", "-n", "jobs", "-o", "name").count("\n") == 1


def test_a_failing_job_fails_up_with_its_words(stack: Stack) -> None:
    result = stack.failing_up(jobs=job("raise SystemExit('no such table')"))

    assert "no such table" in result.text
