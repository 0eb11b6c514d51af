"""Runs a case of `tests.support.kubeconfigs`: what the API server has seen of a client."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.kubeconfigs import Case, Place
from tests.unit.https import server_context
from tests.unit.proxy import Proxy
from tests.unit.server import LEAF, Answer, Server


def seen(case: Case, folder: Path, ask: Callable[[str, dict[str, str]], Awaitable[None]]) -> dict[str, str]:
    """The headers of the last request that `ask(kubeconfig, environment)` has sent; empty where none has arrived."""
    headers: dict[str, str] = {}

    def answer(_: str, path: str, came: dict[str, str]) -> Answer:
        headers.clear()
        headers.update(came | {"x-path": path})
        return 200, {}, {"gitVersion": "v1.34.0"}

    async def main() -> None:
        with TemporaryDirectory() as keys:
            context = server_context(Path(keys), LEAF)
        async with Server(answer).running() as server:
            proxy = Proxy(server.port)
            async with proxy.running(context) as (plain, secure):
                place = Place(folder, server.port, plain, secure)
                await ask(case.write(place), case.environment(place))
            if headers:
                headers.update({"x-proxied": "yes" if proxy.logins else "no", "x-login": "".join(proxy.logins[:1])})

    asyncio.run(main())
    return headers
