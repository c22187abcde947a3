"""Where a test of the guard takes place: a site that may be contacted, and hosts that must see nobody.

Run as a program it opens them, prints their ports and then, a line each, who was contacted.
"""

from __future__ import annotations

import asyncio
import socket
import sys

SITE, OTHER, SIX = "127.0.0.1", "127.0.0.2", "::1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Datagrams(asyncio.DatagramProtocol):
    def datagram_received(self, *_: object) -> None:
        say("contacted", OTHER, "by a datagram")


async def main() -> None:
    # One port for both protocols: UDP is asked first, TCP has to have the same.
    packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packets.bind((OTHER, 0))
    port = packets.getsockname()[1]
    away = b"HTTP/1.1 302 Found\r\nLocation: http://%s:%d/\r\nContent-Length: 0\r\n\r\n"

    def answering(host: str) -> object:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if host != SITE:
                say("contacted", host)
            try:
                while head := await reader.readuntil(b"\r\n\r\n"):
                    wants_away = head.split(b" ", 2)[1].startswith(b"/away")
                    writer.write(away % (OTHER.encode(), port) if wants_away else OK)
            except (asyncio.IncompleteReadError, OSError):
                writer.close()

        return serve

    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Datagrams, sock=packets)
    await asyncio.start_server(answering(OTHER), OTHER, port)  # type: ignore[arg-type]
    ports = [port]
    for host in (SITE, SIX):
        server = await asyncio.start_server(answering(host), host, 0)  # type: ignore[arg-type]
        ports.append(server.sockets[0].getsockname()[1])
    say(ports[1], port, ports[2])
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
