"""Requests to the Kubernetes API, as the user of a kubeconfig.

A login reads the kubeconfig, runs its exec plugin and creates an HTTP session. It happens once, and again when the
credentials have expired or are refused. The key is in a private file while the TLS context reads it, and nowhere else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..kube import credentials, kubeconfig, proxies
from ..kube.kubeconfig import Connection
from ..kube.private_files import PrivateFiles, remove_all
from ..kube.wait import now

if TYPE_CHECKING:
    import httpx
    import httpx_ws

# An exec plugin may ask the user to log in.
LOGIN_SECONDS = 120


class Api:
    """The Kubernetes API of one cluster, as one user."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()
        self._sessions: list[httpx.AsyncClient] = []
        self._credentials = credentials.Credentials()
        self.server = ""
        """The URL of the API server, as soon as the kubeconfig is read."""

    @asynccontextmanager
    async def send(
        self, method: str, path: str, *, stream: bool = False, **options: Any
    ) -> "AsyncIterator[httpx.Response]":
        """The answer to one request for `path`, without a leading slash, whatever its status is; read unless `stream`.

        A 401 logs in again, once: the token may have expired. Raises `httpx.TransportError`, and `ClusterError` for a
        login that fails.
        """
        for last in (False, True):
            session = await self.session()
            async with session.stream(method, path, **options) as response:
                if response.status_code != 401 or last:
                    if not stream:
                        await response.aread()
                    yield response
                    return
            await self.renew(session)

    @asynccontextmanager
    async def websocket(self, path: str, **options: Any) -> "AsyncIterator[httpx_ws.AsyncWebSocketSession]":
        """A websocket to `path`, with the options of `httpx_ws.aconnect_ws`. A 401 logs in again, once.

        Raises the errors of httpx_ws, in groups.
        """
        import httpx_ws

        session = await self.session()
        async with AsyncExitStack() as stack:
            try:
                channel = await stack.enter_async_context(httpx_ws.aconnect_ws(path, session, **options))
            except* httpx_ws.WebSocketUpgradeError as group:
                if not _is_unauthorized(group):
                    raise
                await self.renew(session)
                again = httpx_ws.aconnect_ws(path, await self.session(), **options)
                channel = await stack.enter_async_context(again)
            yield channel

    async def session(self) -> "httpx.AsyncClient":
        """The HTTP session of the login, after another login where its credentials have expired."""
        current = self._sessions[-1] if self._sessions else None
        if current is None or self._credentials.expired:
            await self.renew(current)
        return self._sessions[-1]

    async def renew(self, refused: "httpx.AsyncClient | None") -> None:
        """Logs in again where `refused` is the session of the last login; callers at the same time do it once."""
        async with self._lock:
            if refused is (self._sessions[-1] if self._sessions else None):
                await asyncio.wait_for(self._log_in(), LOGIN_SECONDS)

    async def close(self) -> None:
        """Closes the connections."""
        while self._sessions:
            await self._sessions.pop().aclose()

    async def _log_in(self) -> None:
        """Requests that are under way end on the session of the login before."""
        import httpx

        from ..kube.transport import Transport, tls

        files = PrivateFiles()
        try:
            access = await asyncio.to_thread(kubeconfig.load, self._connection)
            self.server = access.server
            proxy = proxies.proxy(access.server, access.cluster.proxy_url)
            found = await credentials.obtain(access)
            context = tls(access.cluster, found, files)
        finally:
            files.remove()
        authorization = credentials.Authorization(access.user, found, now)

        def authorized(request: httpx.Request) -> httpx.Request:
            if header := authorization.header():
                request.headers["Authorization"] = header
            return request

        self._credentials = found
        compressed = {"Accept-Encoding": "identity"} if access.cluster.disable_compression else {}
        told = {"User-Agent": "dask-on-kubernetes", "Content-Type": "application/json"} | compressed
        self._sessions.append(
            httpx.AsyncClient(
                base_url=access.server,
                headers=[*told.items(), *credentials.headers(access)],
                auth=authorized,
                transport=Transport(context, access.cluster.tls_server_name, proxy),
                follow_redirects=True,
            )
        )


def _is_unauthorized(group: BaseExceptionGroup[Any]) -> bool:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return getattr(getattr(first, "response", None), "status_code", None) == 401


def remove_credentials() -> None:
    """Removes the files of a login that has not ended. Call it before the process ends without unwinding its stack."""
    remove_all()
