"""A client for record.sh: tasks of a second each, and which worker computed them when; and the sum of all clients.

`client.py ADDRESS TASKS FILE` computes; `client.py FOLDER` prints what all clients in the folder have written.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from distributed import Client

MOMENTS = {"Service": "the endpoint leads to the new cluster", "ConfigMap": "the old cluster is drained"}


def task(number: int) -> tuple[str, float, float]:
    """The worker's name, and when the task began and ended."""
    import socket
    import time

    begin = time.time()
    time.sleep(1)
    return socket.gethostname(), begin, time.time()


def compute(address: str, tasks: int, file: Path) -> None:
    """Few tasks go before many."""
    task.__module__ = "__main__"
    with Client(address, timeout=60) as client:
        results: Any = client.gather(client.map(task, range(tasks), pure=False, priority=-tasks))
    file.write_text(json.dumps(results))


def summary(folder: Path) -> dict[str, Any]:
    """The tasks, and what the engine did when, in seconds since the update began."""
    events = [json.loads(line) for line in (folder / "events.json").read_text().splitlines()]
    zero = events[0]["timestamp"]
    done = {"pulumi up begins": 0.0}
    for event in events:
        metadata = event.get("resOutputsEvent", {}).get("metadata", {})
        kind = metadata.get("type", "").rpartition(":")[2]
        if metadata.get("op") == "update" and kind in MOMENTS:
            done[MOMENTS[kind]] = event["timestamp"] - zero
        if metadata.get("op") == "delete" and kind == "DaskCluster":
            done["the old cluster is deleted"] = event["timestamp"] - zero
    tasks = [
        [re.sub(r"-\w+-\w+$", "", name), round(begin - zero, 2), round(end - zero, 2), file.stem != "before"]
        for file in sorted(folder.glob("*.json"))
        if file.stem == "before" or file.stem.startswith("new-")
        for name, begin, end in json.loads(file.read_text())
    ]
    return {"moments": done, "tasks": sorted(tasks, key=lambda it: it[1])}


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(summary(Path(sys.argv[1]))))
    else:
        compute(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
