"""A hundred clusters in one stack file."""

import json
import runpy
import time

from pulumi.runtime import set_all_config

from tests.unit.registrations import record

COUNT = 100
SECONDS = 3
# DaskCluster, PodDisruptionBudget, verify Job, endpoint Service, connection ConfigMap.
EACH = 5


def test_they_are_read_checked_and_declared_soon() -> None:
    """All that happens before the SDK sends the registrations, in seconds of the processor; and they are few."""
    spent: list[float] = []

    def main() -> None:
        endpoint = {"type": "ClusterIP"}
        set_all_config({"dask:clusters": json.dumps({f"c{number}": {"endpoint": endpoint} for number in range(COUNT)})})
        begin = time.process_time()
        runpy.run_path("__main__.py", run_name="__main__")
        spent.append(time.process_time() - begin)

    recording = record(main)

    made = [one for one in recording.made.values() if one.parent.startswith("c")]
    assert len(made) == COUNT * EACH
    assert spent[0] < SECONDS
