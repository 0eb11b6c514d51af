"""What the live tests compute. Sent to the workers by value, since they do not have this file."""

from distributed import Client


def executed(i: int) -> tuple[int, int]:
    """A task that leaves an event with the scheduler each time it runs."""
    import time

    from distributed import get_worker

    get_worker().log_event("executions", i)
    time.sleep(0.01)
    return i, i * i


def executions(client: Client) -> int:
    """How often tasks that count themselves ran, on all workers that ever were: the scheduler keeps the events."""
    return len(client.get_events("executions"))  # type: ignore[arg-type]


def where_and_wait(i: int) -> tuple[int, str]:
    """A second of work, and the pod that did it."""
    import socket
    import time

    time.sleep(1)
    return i, socket.gethostname()


def counted_and_long(i: int) -> int:
    """Four seconds of work that leaves an event with the scheduler each time it begins."""
    import time

    from distributed import get_worker

    get_worker().log_event("executions", i)
    time.sleep(4)
    return i


def variable(name: str) -> str:
    """An environment variable of the worker."""
    import os

    return os.environ[name]


# distributed sends what belongs to `__main__` by value (distributed/protocol/pickle.py), inside of task graphs too.
for task in (executed, where_and_wait, counted_and_long, variable):
    task.__module__ = "__main__"
