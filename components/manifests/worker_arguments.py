"""The arguments of a worker's process, and how many Dask workers it starts."""

import math
from collections.abc import Iterator

from ..settings.formats.quantities import amount
from ..settings.mistakes import Mistake
from ..settings.pod import PodSettings
from ..settings.workers import WorkerPods

_GPU = "nvidia.com/"
# A name for all addresses of both families: `:8787` would be IPv4 alone (distributed/node.py, start_http_server).
EVERY_ADDRESS = "every-address"
POD_IP = "DASK_POD_IP"


def arguments(settings: WorkerPods, pod: PodSettings) -> list[str]:
    """The command line. CPU and memory of the container are shared among the workers in it."""
    limits, share = pod.resources.all_limits(), processes(settings, pod)
    args = [*settings.command, "--name", "$(DASK_WORKER_NAME)", "--dashboard"]
    args += ["--dashboard-address", f"{EVERY_ADDRESS}:{settings.dashboard_port}"]
    # Dask would look for an IPv4 address, and take 127.0.0.1 where the pod has none. Brackets are right for both.
    args += ["--host", f"[$({POD_IP})]"]
    # `dask cuda worker` starts a worker for each GPU, with one thread unless it is configured otherwise.
    if share > 1 and not is_cuda(settings):
        args += ["--nworkers", str(share)]
    if count := threads(settings, pod):
        args += ["--nthreads", str(count)]
    if "memory" in limits:
        args += ["--memory-limit", str(int(amount(limits["memory"]) / share))]
    if settings.port:
        args += ["--worker-port", str(settings.port)]
    if settings.dask_resources:
        amounts = sorted(settings.dask_resources.items())
        args += ["--resources", ",".join(f"{name}={value:g}" for name, value in amounts)]
    return [*args, *settings.extra_args]


def processes(settings: WorkerPods, pod: PodSettings) -> int:
    """How many Dask workers a pod has. With more than one they are called `<pod>-0`, `<pod>-1`, ..."""
    return settings.processes or (max(1, _gpus(pod)) if is_cuda(settings) else 1)


def threads(settings: WorkerPods, pod: PodSettings) -> int | None:
    """The threads of each Dask worker; None if Dask decides."""
    limits = pod.resources.all_limits()
    if settings.threads or "cpu" not in limits or is_cuda(settings):
        return settings.threads
    return math.ceil(amount(limits["cpu"]) / processes(settings, pod))


def is_cuda(settings: WorkerPods) -> bool:
    """Whether the workers are those of dask-cuda, whose number is that of the GPUs (CUDAWorker)."""
    return settings.command[-2:] == ("cuda", "worker") or settings.command[-1] == "dask-cuda-worker"


def _gpus(pod: PodSettings) -> int:
    limits = pod.resources.all_limits()
    return sum(int(amount(value)) for name, value in limits.items() if name.startswith(_GPU))


def broken(settings: WorkerPods, pod: PodSettings) -> Iterator[Mistake]:
    """Settings that cannot be combined with several workers in a pod, or with dask-cuda."""
    count = processes(settings, pod)
    if is_cuda(settings) and not (settings.processes or _gpus(pod)):
        fix = "add `resources: {limits: {nvidia.com/gpu: '1'}}`, or `processes`"
        yield Mistake("starts a worker for each GPU, and no GPU is requested", fix, ("command",))
    if settings.port and (count > 1 or is_cuda(settings)):
        rule = "can be the port of one worker only" if count > 1 else "is not an option of `dask cuda worker`"
        yield Mistake(rule, "remove it", ("port",))
