"""preStop of every worker: hand its tasks and data to the other workers before the pod goes.

Covers every way in which a pod goes: scale-down, a removed group, eviction, a node drain. Does nothing when the
scheduler is gone: then there is nobody to hand anything to. Kubernetes ends it with the grace period at the latest.
"""

import os
import socket
import sys
import time
from typing import Any
from urllib.parse import urlsplit

address, name = os.environ["DASK_SCHEDULER_ADDRESS"], os.environ["DASK_WORKER_NAME"]
deadline = time.monotonic() + float(os.environ["DASK_RETIRE_SECONDS"])
scheduler = urlsplit(address)
try:
    # Before the import, which costs a second: a cluster that is deleted as a whole has no scheduler any more.
    socket.create_connection((scheduler.hostname, scheduler.port), timeout=3).close()
except OSError as error:
    sys.exit(f"the scheduler at {address} is gone, nothing to hand over: {error}")

from distributed import Client  # noqa: E402


def executing(dask_worker: Any) -> int:
    """How many tasks run on the worker right now."""
    return len(dask_worker.state.executing) + len(dask_worker.state.long_running)


def hand_over(client: Client) -> None:
    """Moves the worker's data and lets it have no new tasks. It stays registered: without that its tasks are cancelled
    at its next heartbeat, and begun again elsewhere (distributed, Scheduler.heartbeat_worker)."""
    client.retire_workers(names=[name], close_workers=False, remove=False)


with Client(address, timeout=5, set_as_default=False) as client:
    # What still runs leaves its result here, so data is moved a second time.
    me = [where for where, worker in client.scheduler_info(n_workers=-1)["workers"].items() if worker["name"] == name]
    while me and time.monotonic() < deadline:
        hand_over(client)
        running: Any = client.run(executing, workers=me, on_error="ignore")
        if not any(running.values()):
            break
        time.sleep(0.2)
    hand_over(client)
