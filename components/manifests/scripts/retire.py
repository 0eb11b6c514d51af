"""preStop of every worker: its tasks and its data move to other workers before the pod stops.

It runs for every pod that is deleted: a scale-down, a removed group, an eviction, a node drain. It tries until
DASK_RETIRE_SECONDS have passed. It ends early only if no scheduler exists any more: then no worker can take the data.
"""

import os
import re
import socket
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from latecomers import turn_away

# A distributed.Client. Its methods are typed as coroutines too, which they are not here.
Client = Any

address, name = os.environ["DASK_SCHEDULER_ADDRESS"], os.environ["DASK_WORKER_NAME"]
deadline = time.monotonic() + float(os.environ["DASK_RETIRE_SECONDS"])
# For how long connections have to be refused, or the name has to be unknown, before the scheduler counts as missing.
# A DNS server that has just started answers "try again" rather than "no such name".
MISSING_SECONDS = 5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 2.0
# For one try to connect. A client tries for that long although connections are refused.
CONNECT_SECONDS = 15
# For the last call of all, after the deadline; the grace period ends RETIRE_MARGIN_SECONDS (manifests/pod.py) after it.
LAST_CALL_SECONDS = 3
# For how long after the deadline a worker may still register: until its pod's grace period ends, and a little more.
LATE_SECONDS = 30


def left() -> float:
    """Seconds until the deadline, 0 when it has passed."""
    return max(0.0, deadline - time.monotonic())


def await_scheduler() -> None:
    """Returns when the scheduler accepts a connection. Exits when it is missing, or the deadline has passed.

    It runs before the import of distributed, which takes a second: a cluster that is deleted as a whole has no
    scheduler any more.
    """
    scheduler, missing_since = urlsplit(address), None
    while True:
        try:
            socket.create_connection((scheduler.hostname, scheduler.port), timeout=3).close()
            return
        except OSError as error:
            now = time.monotonic()
            refused = isinstance(error, ConnectionRefusedError)
            unknown = isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME
            missing_since = (missing_since or now) if refused or unknown else None
            if missing_since and now - missing_since >= MISSING_SECONDS:
                sys.exit(f"no scheduler exists at {address}, so nothing is handed over: {error}")
            if not left():
                sys.exit(f"the scheduler at {address} cannot be reached, so nothing is handed over: {error}")
        time.sleep(min(FIRST_PAUSE, left()))


def executing(dask_worker: Any) -> int:
    """How many tasks run on the worker right now."""
    return len(dask_worker.state.executing) + len(dask_worker.state.long_running)


def closed_to_tasks(dask_worker: Any) -> list[Any]:
    """Begins no task any more, although the scheduler could not retire the worker. Returns the keys of its actors."""
    from distributed.core import Status

    if dask_worker.status in (Status.running, Status.paused):
        dask_worker.status = Status.closing_gracefully
    return list(dask_worker.state.actors)


def tell(dask_worker: Any, text: str) -> None:
    """Writes to the log of the pod, because Kubernetes does not keep the output of a preStop."""
    import logging

    logging.getLogger("distributed.worker").warning(text)


def addresses(client: Client) -> list[str]:
    """The workers of this pod that are registered: `<name>`, or `<name>-0`, `<name>-1`, ... with --nworkers."""
    workers = client.sync(client.scheduler.identity)["workers"]
    return [where for where, it in workers.items() if re.fullmatch(rf"{re.escape(name)}(-\d+)?", str(it["name"]))]


def close_the_door(client: Client) -> None:
    """A worker of this pod that has not registered yet gets no task, and ends: it may register after this preStop."""
    import psutil

    hosts = [it.address for interface in psutil.net_if_addrs().values() for it in interface]
    about = {"pods": [name], "hosts": hosts, "seconds": left() + LATE_SECONDS}
    try:
        client.run_on_scheduler(turn_away, **about, callback_timeout=left())
    except ValueError as error:  # older versions of distributed can refuse functions (distributed.scheduler.pickle)
        print(f"a worker that registers now is not turned away: {error}", file=sys.stderr)


def hand_over(client: Client, mine: list[str], *, remove: bool) -> list[str]:
    """Closes the workers to tasks and moves what they hold. Returns those whose data could not be moved.

    With `remove` the scheduler forgets the workers, without blame for the tasks that they had not begun. Before
    that, a worker stays registered while its tasks run: they are begun again elsewhere when it is forgotten
    (distributed, Scheduler.remove_worker).
    """
    limit: dict[str, Any] = {"callback_timeout": left() or LAST_CALL_SECONDS}
    retired = client.retire_workers(workers=mine, close_workers=False, remove=remove, **limit)
    kept = []
    for where in [it for it in mine if it not in retired]:
        actors = client.run(closed_to_tasks, workers=[where], on_error="ignore", **limit).get(where)
        if not actors or not copied(client, where, actors, mine):
            kept.append(where)
        elif remove:
            text = f"the worker {name} stops, and the actors that it holds are lost, for they cannot be moved: {actors}"
            client.run(tell, text, workers=[where], on_error="ignore", **limit)
            forget(client, where)
    return kept


def copied(client: Client, where: str, actors: list[Any], mine: list[str]) -> bool:
    """Copies the data of a worker with actors, which the scheduler refuses to retire. False if no worker takes it."""
    held = [key for key in client.has_what([where])[where] if key not in actors]
    others = [it for it in client.sync(client.scheduler.identity)["workers"] if it not in mine]
    limit = left() or LAST_CALL_SECONDS
    try:
        answer = client.sync(
            client.scheduler.replicate, keys=held, workers=others, n=1, delete=False, callback_timeout=limit
        )
    except (ValueError, KeyError):  # no worker runs that could take it, or a key has just been released
        return False
    return not answer or answer["status"] == "OK"


def forget(client: Client, where: str) -> None:
    """The scheduler forgets the worker, and blames no task for it. Older versions of distributed call that `safe`."""
    from inspect import signature

    from distributed import Scheduler

    blameless = "expected" if "expected" in signature(Scheduler.remove_worker).parameters else "safe"
    about = {"address": where, blameless: True, "close": False, "stimulus_id": f"retire-{name}-{time.time()}"}
    client.sync(client.scheduler.unregister, **about, callback_timeout=LAST_CALL_SECONDS)


def depart(client: Client) -> None:
    """Moves everything, lets running tasks end, moves their results, and has the workers forgotten."""
    close_the_door(client)
    mine, pause = addresses(client), FIRST_PAUSE
    kept = hand_over(client, mine, remove=False) if mine else []
    while mine and left():
        if not kept and not any(client.run(executing, workers=mine, on_error="ignore").values()):
            kept = hand_over(client, mine, remove=True)
            mine = addresses(client)
            continue
        time.sleep(min(pause, left()))
        pause = min(LONGEST_PAUSE, pause * 1.25)
        if kept:
            kept = hand_over(client, mine, remove=False)


def last_call(client: Client) -> None:
    """What has not ended at the deadline is begun again elsewhere: without blame, though not without loss."""
    remaining = addresses(client)
    text = f"the worker {name} stops with running tasks, or with data that no other worker could take"
    for where in remaining:
        client.run(tell, text, workers=[where], on_error="ignore", callback_timeout=LAST_CALL_SECONDS)
        forget(client, where)
    if remaining:
        sys.exit(text)


def main() -> None:
    """Tries until the deadline: a scheduler that takes in a large graph is silent for a while."""
    await_scheduler()
    import distributed

    while True:
        try:
            limit = min(left(), CONNECT_SECONDS) or LAST_CALL_SECONDS
            with distributed.Client(address, timeout=limit, set_as_default=False) as client:
                if left():
                    depart(client)
                last_call(client)
                return
        except Exception as error:
            print(f"handing over failed: {error!r}", file=sys.stderr)
            if not left():
                sys.exit(1)
        time.sleep(min(LONGEST_PAUSE, left()))
        await_scheduler()


main()
