"""The verify Job: waits until all workers have registered, looks for their packages, computes, and reports the result.

EXPECTED_WORKERS is a JSON object, worker group -> how many of its workers have to be registered (the operator names a
worker `<group>-worker-<id>`). Exits 1 with one readable line when READY_SECONDS have passed. It never fails because
the cluster works for others: its tasks go before theirs, and where they hold every thread, registered is enough.
"""

import asyncio
import json
import os
import platform
import socket
import sys
import time
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import distributed

# A distributed.Client. Its methods are typed as coroutines too, which they are not here.
Client = Any

address = os.environ["DASK_SCHEDULER_ADDRESS"]
expected = json.loads(os.environ["EXPECTED_WORKERS"])
deadline = time.monotonic() + float(os.environ["READY_SECONDS"])
scheduler = urlsplit(address)
waiting_for = f"the scheduler at {address}"
PRIORITY = 1_000_000
# For how long others have to hold every thread. A task of ours begins as soon as one of theirs ends.
BUSY_SECONDS = 10
LOOK_SECONDS = 2
ANSWER_SECONDS = 10


def left() -> float:
    """Seconds until the deadline; ends the Job with what is missing when there are none."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        sys.exit(f"gave up waiting for {waiting_for}")
    return remaining


def workers(client: Client) -> dict[str, Any]:
    """The registered workers by their addresses."""
    return client.sync(client.scheduler.identity)["workers"]


def await_workers(client: Client) -> int:
    """Returns the number of workers once as many as expected have registered, with --nworkers several of each pod."""
    global waiting_for
    while True:
        names = [str(worker["name"]) for worker in workers(client).values()]
        have = {group: sum(name.startswith(f"{group}-worker-") for name in names) for group in expected}
        missing = [f"{have[group]} of {count} of {group}" for group, count in expected.items() if have[group] < count]
        if not missing:
            return len(names)
        waiting_for = f"workers: registered are {', '.join(missing)}"
        left()
        time.sleep(0.2)


def lacking() -> list[str]:
    """Runs on a worker or the scheduler: the packages that its image should have installed when its pod started.

    Only an entrypoint as upstream's reads the variable. An entry that is no requirement, as a path, is not looked for.
    """
    import os
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import InvalidRequirement, Requirement

    found = []
    for text in os.environ.get("EXTRA_PIP_PACKAGES", "").split():
        try:
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate():
                live = version(wanted.name)
                if not wanted.specifier.contains(live, prereleases=True):
                    found.append(f"{text} (it has {live})")
        except InvalidRequirement:
            continue
        except PackageNotFoundError:
            found.append(text)
    return found


def look_for_packages(client: Client) -> None:
    """Ends the Job where packages are missing on the scheduler, or on the first worker of an expected group.

    A group that is being replaced is not asked, and one that does not answer within ANSWER_SECONDS is passed over.
    """
    global waiting_for
    waiting_for = "the packages"
    first = {"the scheduler": ""}
    for where, worker in workers(client).items():
        group = str(worker["name"]).rpartition("-worker-")[0]
        if group in expected:
            first.setdefault(f"the workers of {group}", where)
    for place, where in first.items():
        limit: dict[str, Any] = {"callback_timeout": min(ANSWER_SECONDS, left())}
        try:
            on_workers = client.run(lacking, workers=[where], **limit) if where else {}
            missing = on_workers[where] if where else client.run_on_scheduler(lacking, **limit)
        except Exception as error:
            print(f"{place}: the packages cannot be looked for: {error!r}", flush=True)
            continue
        if missing:
            why = "the image's entrypoint has not installed them, as upstream's does: bake them into the image"
            sys.exit(f"packages are missing on {place}: {', '.join(missing)}; {why}")


def square(number: int) -> int:
    """A function of this file is sent to the workers by value, as users' functions are; a builtin would not be."""
    return number * number


def others_hold_every_thread(client: Client, ours: set[str]) -> bool:
    """Whether each worker has as many tasks of others to work on as it has threads."""
    threads, tasks = client.nthreads(), client.processing()
    return all(len(set(tasks.get(where, ())) - ours) >= count for where, count in threads.items())


def compute(client: Client) -> int | None:
    """The sum of some squares; None where others hold every thread all the time."""
    global waiting_for
    waiting_for = "the first result"
    squares = client.map(square, range(10), pure=False, priority=PRIORITY)
    result = client.submit(sum, squares, pure=False, priority=PRIORITY)
    ours, busy_since = {future.key for future in [*squares, result]}, None
    while True:
        try:
            return result.result(timeout=min(LOOK_SECONDS, left()))
        except (TimeoutError, asyncio.TimeoutError):  # noqa: UP041 (two classes before Python 3.11)
            busy_since = (busy_since or time.monotonic()) if others_hold_every_thread(client, ours) else None
        if busy_since and time.monotonic() - busy_since >= BUSY_SECONDS:
            return None


def verify(client: Client) -> str:
    """What was seen; ends the Job where the result is wrong."""
    registered = await_workers(client)
    look_for_packages(client)
    if not any(expected.values()):
        return f"the scheduler at {address} answers; no workers are declared, so nothing was computed"
    result = compute(client)
    if result is None:
        return (
            f"{registered} workers have registered at {address}; others' tasks hold every thread: nothing was computed"
        )
    if result != 285:
        sys.exit(f"the cluster computed {result} as the sum of the squares below 10, which is 285")
    return f"{registered} workers at {address} computed the sum of the squares below 10: {result}"


def main() -> None:
    """Waits for the scheduler, and then for all the rest."""
    while True:
        try:
            socket.create_connection((scheduler.hostname, scheduler.port), timeout=min(2, left())).close()
            break
        except OSError:
            time.sleep(0.1)
    try:
        with distributed.Client(address, timeout=left(), set_as_default=False) as client:
            versions = f"Dask {version('distributed')} and Python {platform.python_version()}"
            # `up` reads this line. All that follows would only take time: the pod ends with it.
            print(f"verified: {versions}: {verify(client)}", flush=True)
            os._exit(0)
    except Exception as error:
        sys.exit(f"failed while waiting for {waiting_for}: {error!r}")


main()
