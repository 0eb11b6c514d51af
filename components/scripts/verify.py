"""The verify Job: waits until all workers have registered, computes on them, and says what it saw.

EXPECTED_WORKERS is a JSON object, worker group -> how many of its workers must be there (the operator names a worker
`<group>-worker-<id>`). Exits 1 with one readable line when READY_SECONDS have passed.
"""

import json
import operator
import os
import socket
import sys
import time
from urllib.parse import urlsplit

from distributed import Client

address = os.environ["DASK_SCHEDULER_ADDRESS"]
expected = json.loads(os.environ["EXPECTED_WORKERS"])
deadline = time.monotonic() + float(os.environ["READY_SECONDS"])
scheduler = urlsplit(address)


def left() -> float:
    """Seconds until the deadline; ends the Job with what is missing when there are none."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        sys.exit(f"gave up waiting for {waiting_for}")
    return remaining


waiting_for = f"the scheduler at {address}"
while True:
    try:
        socket.create_connection((scheduler.hostname, scheduler.port), timeout=min(2, left())).close()
        break
    except OSError:
        time.sleep(0.1)

with Client(address, timeout=left(), set_as_default=False) as client:
    while True:
        names = [str(worker["name"]) for worker in client.scheduler_info(n_workers=-1)["workers"].values()]
        there = {group: sum(name.startswith(f"{group}-worker-") for name in names) for group in expected}
        missing = {group: f"{there[group]} of {count}" for group, count in expected.items() if there[group] < count}
        if not missing:
            break
        waiting_for = "workers: " + ", ".join(f"{have} of {group} have registered" for group, have in missing.items())
        left()
        time.sleep(0.1)
    waiting_for = "the first result"
    squares = client.map(operator.mul, range(10), range(10), pure=False)
    result = client.submit(sum, squares, pure=False).result(timeout=left())
    if result != 285:
        sys.exit(f"the cluster computed {result} as the sum of the squares below 10, which is 285")
    print(f"{len(names)} workers at {address} computed the sum of the squares below 10: {result}")
