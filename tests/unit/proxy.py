"""A proxy of this machine, for CONNECT and SOCKS5. Every host is this machine, and port 6443 is the API server's."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from tests.unit.server import ended


@dataclass
class Proxy:
    """Keeps the logins that came with the connections that it has opened; an empty one where there was none."""

    goal: int
    logins: list[str] = field(default_factory=list)
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    @asynccontextmanager
    async def running(self, context: ssl.SSLContext) -> AsyncIterator[tuple[int, int]]:
        """Its ports: in the clear and behind TLS."""
        servers = [await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=it) for it in (None, context)]
        try:
            plain, secure = (server.sockets[0].getsockname()[1] for server in servers)
            yield plain, secure
        finally:
            for server in servers:
                server.close()
            await ended(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(cast("asyncio.Task[None]", asyncio.current_task()))
        back = None
        try:
            first = await reader.readexactly(1)
            port = await (self._socks(reader, writer) if first == b"\x05" else self._connect(reader, writer))
            there, back = await asyncio.open_connection("127.0.0.1", self.goal if port == 6443 else port)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass
        finally:
            writer.close()
            if back:
                back.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:])
        given = next((line.split(" ")[-1] for line in head if line.lower().startswith("proxy-auth")), "")
        self.logins.append(base64.b64decode(given).decode())
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return int(headers["host"].rpartition(":")[2])

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        login = ""
        writer.write(b"\x05\x02" if 2 in methods else b"\x05\x00")
        if 2 in methods:
            await reader.readexactly(1)
            words = [(await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)]
            login = ":".join(words)
            writer.write(b"\x01\x00")
        self.logins.append(login)
        kind = (await reader.readexactly(4))[3]
        await reader.readexactly({1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0])
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return int.from_bytes(await reader.readexactly(2), "big")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(64 * 1024):
        writer.write(data)
        await writer.drain()
    writer.close()
