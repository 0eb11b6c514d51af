"""One authenticated client of the Kubernetes API per cluster and event loop, for the whole run.

Callers wait for one that is being created. After a failure they get its error for some time.
"""

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from weakref import WeakKeyDictionary

from ..kube.errors import ClusterError, KubeconfigError, MissingKubeconfigError, UnknownClusterError
from ..kube.http_api import LOGIN_SECONDS, Api
from ..kube.kubeconfig import Connection
from ..kube.wait import DeadlineError, now, wait_until

# For how long the first request is tried again. A failure counts as long, so that many callers do not wait in turn.
CONNECT_SECONDS = 20
POLL_SECONDS = 1.0


@dataclass
class _Session:
    client: "asyncio.Task[Api]"
    made_at: float

    @property
    def usable(self) -> bool:
        """A client, one that is being created, or a recent failure."""
        failed = self.client.done() and (self.client.cancelled() or self.client.exception() is not None)
        return not failed or now() - self.made_at < CONNECT_SECONDS


# What httpx and httpcore import where it is installed: a command line, and another event loop. It takes as long as the
# rest of them.
_UNUSED = ("httpx._main", "trio")
_Loop = asyncio.AbstractEventLoop
_sessions: "WeakKeyDictionary[_Loop, dict[Connection, _Session]]" = WeakKeyDictionary()


async def api(connection: Connection) -> Api:
    """The run's client of the cluster. Raises `ClusterError` that names the server when it does not answer."""
    known = _sessions.setdefault(asyncio.get_running_loop(), {})
    session = known.get(connection)
    if session is None or not session.usable:
        session = known[connection] = _Session(asyncio.create_task(_connect(connection)), now())
        session.client.add_done_callback(lambda _: setattr(session, "made_at", now()))
    # A caller that gives up does not end what the others wait for.
    return await asyncio.shield(session.client)


async def _connect(connection: Connection) -> Api:
    if connection.later:
        known = await connection.later()
        if known is None:
            raise UnknownClusterError
        connection = known
    # In a thread: the import takes a tenth of a second, in which the program would register nothing.
    await asyncio.to_thread(_import_httpx)
    client = Api(connection)
    try:
        return await _answering(client)
    except (KubeconfigError, MissingKubeconfigError) as error:
        raise type(error)(f"cannot reach the Kubernetes API: {error}") from error
    except Exception as error:
        where = f"the context '{connection.context}'" if connection.context else "the ambient kubeconfig"
        where += f" at {client.server}" if client.server else ""
        reason = str(error) or f"no answer within {LOGIN_SECONDS} s ({type(error).__name__})"
        raise ClusterError(
            f"cannot reach the Kubernetes API of {where}: {reason}; "
            "check `kubectl cluster-info` and `kubernetes:context`"
        ) from error


def _import_httpx() -> None:
    hidden = [name for name in _UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # pyright: ignore[reportArgumentType, reportCallIssue]
    try:
        import_module(f"{__package__}.transport")
    finally:
        for name in hidden:
            del sys.modules[name]


async def _answering(client: Api) -> Api:
    try:
        await _first_answer(client)
    except BaseException:
        await client.close()
        raise
    return client


async def _first_answer(client: Api) -> None:
    """Asks for the server's version until it answers. A user without permission for it may have others."""
    import httpx

    failure: Exception | None = None
    status = 0

    async def answered() -> bool:
        nonlocal failure, status
        try:
            async with client.send("GET", "version", timeout=10) as got:
                failure, status = None, got.status_code
        except httpx.TransportError as error:
            failure = error
            # A certificate of another authority does not change by waiting.
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise
        return failure is None and status < 500

    with suppress(DeadlineError):
        await wait_until(answered, CONNECT_SECONDS, pause=POLL_SECONDS)
    if failure:
        raise failure
    if status == 401:
        raise ClusterError("it refuses the credentials (401 Unauthorized)")


async def close() -> None:
    """Closes the connections of this event loop's clients; the next `api` creates new ones."""
    for session in _sessions.pop(asyncio.get_running_loop(), {}).values():
        session.client.cancel()
        await asyncio.wait({session.client})
        if not session.client.cancelled() and session.client.exception() is None:
            await session.client.result().close()
