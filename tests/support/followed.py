"""The program of a job whose workers follow its work: two loads, each of which begins and ends without a worker.

It fails if a task has begun twice, or not at all.
"""

FOLLOWED = """
import time
from distributed import Client, get_worker

def counted(item):
    get_worker().log_event("begun", item)
    time.sleep(2)
    return item

def workers():
    return len(client.nthreads())

with Client() as client:
    sizes = [workers()]
    for turn in range(2):
        items = range(8 * turn, 8 * turn + 8)
        futures = client.map(counted, items, pure=False)
        while not all(future.done() for future in futures):
            sizes.append(workers())
            time.sleep(0.2)
        assert client.gather(futures) == list(items)
        del futures
        while sizes[-1]:
            sizes.append(workers())
            time.sleep(0.2)
    begun = sorted(item for _, item in client.get_events("begun"))
    assert begun == list(range(16)), begun
    print("from", sizes[0], "to", max(sizes), "to", sizes[-1], "over", client.scheduler.address.partition(":")[0])
"""
