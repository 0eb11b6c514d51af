"""One authenticated client of the Kubernetes API per cluster and event loop, for the whole run.

kr8s authenticates anew whenever its client is awaited: it runs the exec plugin again and leaves the client's key in the
temporary folder (kr8s/_auth.py, `NamedTemporaryFile(delete=False)`). Here a client is created once. Its credentials are
in a private folder while its TLS context is created, and then the folder is removed.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import yaml

from ..kube.errors import ClusterError, UnknownClusterError
from ..kube.wait import DeadlineError, now, wait_until

if TYPE_CHECKING:
    import httpx
    from kr8s.asyncio import Api

# An exec plugin may ask the user to log in.
LOGIN_SECONDS = 120
# For how long the first request is tried again. A failure counts as long, so that many callers do not wait in turn.
CONNECT_SECONDS = 20
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Connection:
    """Which Kubernetes cluster: the same choice as the provider's. Both None: the ambient kubeconfig."""

    context: str | None = None
    kubeconfig: str | None = field(default=None, repr=False)
    later: "Callable[[], Awaitable[Connection | None]] | None" = field(default=None, repr=False)
    """Finds the connection of a cluster that becomes known during the run; None while it is not."""

    @property
    def holds_contents(self) -> bool:
        """Whether `kubeconfig` is the file's content, and so a secret, rather than its path."""
        return "\n" in (self.kubeconfig or "") or (self.kubeconfig or "").lstrip().startswith("{")


@dataclass
class _Session:
    client: "asyncio.Task[Api]"
    made_at: float

    @property
    def usable(self) -> bool:
        """A client, one that is being created, or a recent failure."""
        failed = self.client.done() and (self.client.cancelled() or self.client.exception() is not None)
        return not failed or now() - self.made_at < CONNECT_SECONDS


@dataclass(frozen=True)
class _Login:
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sessions: "list[httpx.AsyncClient]" = field(default_factory=list)


# What httpx and httpcore import where it is installed: a command line, and another event loop. It takes as long as the
# rest of them.
_UNUSED = ("httpx._main", "trio")
_Loop = asyncio.AbstractEventLoop
_sessions: "WeakKeyDictionary[_Loop, dict[Connection, _Session]]" = WeakKeyDictionary()
_logins: "WeakKeyDictionary[Api, _Login]" = WeakKeyDictionary()
_private: ContextVar[str | None] = ContextVar("private", default=None)
_folders: set[str] = set()


async def api(connection: Connection) -> "Api":
    """The run's client of the cluster. Raises `ClusterError` that names the server when it does not answer."""
    known = _sessions.setdefault(asyncio.get_running_loop(), {})
    session = known.get(connection)
    if session is None or not session.usable:
        session = known[connection] = _Session(asyncio.create_task(_connect(connection)), now())
        session.client.add_done_callback(lambda _: setattr(session, "made_at", now()))
    # A caller that gives up does not end what the others wait for.
    return await asyncio.shield(session.client)


async def _connect(connection: Connection) -> "Api":
    if connection.later:
        known = await connection.later()
        if known is None:
            raise UnknownClusterError
        connection = known
    # In a thread: the import takes half a second, in which the program would register nothing.
    await asyncio.to_thread(_import_kr8s)
    client: Api | None = None
    try:
        client = _client(connection)
        _logins[client] = _Login()
        await asyncio.wait_for(_log_in(client), LOGIN_SECONDS)
        await _first_answer(client)
    except Exception as error:
        where = f"the context '{connection.context}'" if connection.context else "the ambient kubeconfig"
        if client is not None and client.auth.server:
            where += f" at {client.auth.server}"
        reason = str(error) or f"no answer within {LOGIN_SECONDS} s ({type(error).__name__})"
        raise ClusterError(
            f"cannot reach the Kubernetes API of {where}: {reason}; "
            "check `kubectl cluster-info` and `kubernetes:context`"
        ) from error
    return client


def _import_kr8s() -> None:
    hidden = [name for name in _UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # pyright: ignore[reportArgumentType, reportCallIssue]
    try:
        import_module("kr8s.asyncio")
    finally:
        for name in hidden:
            del sys.modules[name]


def _client(connection: Connection) -> "Api":
    from kr8s.asyncio import Api

    text = connection.kubeconfig
    source: Any = yaml.safe_load(text) if text and connection.holds_contents else text
    return Api(kubeconfig=source, context=connection.context, bypass_factory=True)


async def _first_answer(client: "Api") -> None:
    """Asks for the server's version until it answers. A user without permission for it may have others."""
    import httpx
    import kr8s

    failure: Exception | None = None
    status = 0

    async def answered() -> bool:
        nonlocal failure, status
        try:
            async with client.call_api("GET", version="", base="/version", raise_for_status=False, timeout=10) as got:
                failure, status = None, got.status_code
        except (httpx.TransportError, kr8s.APITimeoutError) as error:
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


async def _log_in(client: "Api") -> None:
    """Reads the kubeconfig, runs the exec plugin, and creates the HTTP session. Leaves no file behind."""
    import kr8s._auth as auth
    from kr8s._async_utils import NamedTemporaryFile

    def in_private(*args: Any, **options: Any) -> Any:
        options = {"dir": _private.get()} | options
        return NamedTemporaryFile(*args, **options)

    auth.NamedTemporaryFile = in_private  # pyright: ignore[reportPrivateImportUsage, reportAttributeAccessIssue]
    folder = tempfile.mkdtemp(prefix="dask-on-kubernetes-")
    _folders.add(folder)
    token = _private.set(folder)
    try:
        await client.auth.reauthenticate()
        # Requests that are under way end on the old session: kr8s would close it under them.
        client._session = None
        await client._create_session()
        if client._session:
            _logins[client].sessions.append(client._session)
    finally:
        _private.reset(token)
        _remove(folder)


async def renew(client: "Api", refused: object) -> bool:
    """Logs in again after a 401 on the HTTP session `refused`; callers at the same time do it once.

    False if there is nothing to log in to.
    """
    login = _logins.get(client)
    if login is None:
        return False
    async with login.lock:
        if client._session is refused:
            await asyncio.wait_for(_log_in(client), LOGIN_SECONDS)
    return True


async def close() -> None:
    """Closes the connections of this event loop's clients; the next `api` creates new ones."""
    for session in _sessions.pop(asyncio.get_running_loop(), {}).values():
        session.client.cancel()
        await asyncio.wait({session.client})
    for login in list(_logins.values()):
        while login.loop is asyncio.get_running_loop() and login.sessions:
            await login.sessions.pop().aclose()


def remove_credentials() -> None:
    """Removes the files of a login that has not ended. Call it before the process ends without unwinding its stack."""
    for folder in list(_folders):
        _remove(folder)


def _remove(folder: str) -> None:
    shutil.rmtree(Path(folder), ignore_errors=True)
    _folders.discard(folder)
