"""An HTTP server that answers as the path says.

/status/503, /slow/0.2 (seconds), /size/100000 (bytes), /away/2 (redirects), /header/9000 (bytes of a header);
and as no server should: /close (no answer), /reset, /half (of an answer), /junk (no HTTP).
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, size, away, header = 200, 12, 0, 0
        match self.path.strip("/").split("/"):
            case ["status", code]:
                status = int(code)
            case ["slow", seconds]:
                time.sleep(float(seconds))
            case ["size", length]:
                size = int(length)
            case ["away", redirects] if int(redirects):
                status, away = 302, int(redirects)
            case ["header", length]:
                header = int(length)
            case ["close" | "reset" | "half" | "junk" as how]:
                self.misbehave(how)
                return
        self.send_response(status)
        if away:
            self.send_header("Location", f"/away/{away - 1}")
        if header:
            self.send_header("X-Long", "x" * header)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"x" * size)

    do_POST = do_GET  # noqa: N815

    def misbehave(self, how: str) -> None:
        self.close_connection = True
        if how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif how == "half":
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        elif how == "junk":
            self.wfile.write(b"who knows\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
