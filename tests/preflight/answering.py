"""A small HTTP server that answers as a test says: for answers that no sound server gives."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Reply:
    """What is answered: a status, headers, a body; or the bytes themselves."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: str = "<p>hello</p>"
    raw: bytes | None = None

    def bytes(self) -> bytes:
        if self.raw is not None:
            return self.raw
        lines = [
            f"HTTP/1.1 {self.status} said",
            "Connection: close",
            f"Content-Length: {len(self.body.encode())}",
        ]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


@dataclass(frozen=True)
class Asked:
    """A request as the server read it."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Server:
    url: str = ""
    asked: list[Asked] = field(default_factory=list)


Answering = Callable[[Asked], Reply | None]
"""Says what a request is answered; ``None``: nothing, for ever."""


@asynccontextmanager
async def answering(reply: Reply | Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve on a free port of the loopback while the block lasts."""
    server = Server()
    open_ones: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        with suppress(asyncio.IncompleteReadError, OSError):  # who hangs up, or only shakes hands
            first = await reader.readexactly(1)
            if first == b"\x16":  # TLS is spoken to a server that speaks none
                writer.write(Reply(400).bytes())
                return
            asked = await _read(first, reader)
            server.asked.append(asked)
            said = reply(asked) if callable(reply) else reply
            if said is None:
                return
            writer.write(said.bytes())
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://localhost:{port}"
    try:
        yield server
    finally:
        listening.close()
        for writer in open_ones:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


async def _read(begun: bytes, reader: asyncio.StreamReader) -> Asked:
    head = (begun + await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, body.decode())
