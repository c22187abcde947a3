"""A way between two programs that can be cut.

`python relay.py PORT` leads a free port, which it prints, to that one. While it is stopped (SIGSTOP) the
connections stay open and nothing gets through, as with a network that is gone.
"""

from __future__ import annotations

import asyncio
import sys


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there, back = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    await asyncio.gather(pipe(reader, back), pipe(there, writer), return_exceptions=True)


async def main() -> None:
    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


asyncio.run(main())
