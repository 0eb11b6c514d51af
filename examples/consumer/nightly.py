"""The computation: sums squares on the cluster at DASK_SCHEDULER_ADDRESS. TLS is configured by Dask's own variables."""

import os

from distributed import Client


def square(number: int) -> int:
    """A task."""
    return number * number


with Client(os.environ["DASK_SCHEDULER_ADDRESS"], timeout=60) as client:
    squares = client.map(square, range(1000), pure=False)
    print(f"the sum of {len(squares)} squares is {client.submit(sum, squares, pure=False).result(timeout=600)}")
