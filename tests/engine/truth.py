"""A web server in a process of its own that takes as long as the path says.

``python -m tests.engine.truth [CERTIFICATE]`` prints its port and serves until
its standard input is closed. The last part of a path says how long the answer
takes (``/20ms``); the first what sort it is:

- ``/redirect/N/20ms``: N redirects, each after 20 ms, then the answer;
- ``/chunked/20ms``: a body in three chunks, 20 ms before each;
- ``/drip/20ms``: the same, but the first chunk at once;
- ``/close/20ms``: the connection is closed after the answer;
- ``/away/N/20ms``: N redirects at once, then the answer after 20 ms.

``/came/20ms`` says at once how many requests for ``/20ms`` have come.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CAME: list[str] = []
"""The paths of all requests so far."""


class Handler(BaseHTTPRequestHandler):
    """Answers after the time that the path asks for."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        if self.path.startswith("/came/"):
            self._answer(str(CAME.count(self.path.removeprefix("/came"))).encode())
            self.wfile.flush()
            return
        CAME.append(self.path)
        *sort, wait = self.path.strip("/").split("/")
        if sort and sort[0] == "away" and int(sort[1]):
            self._redirect(f"/away/{int(sort[1]) - 1}/{wait}")
            return
        seconds = float(wait.removesuffix("ms")) / 1000
        if sort[:1] != ["drip"]:
            time.sleep(seconds)
        if sort and sort[0] == "redirect" and int(sort[1]):
            self._redirect(f"/redirect/{int(sort[1]) - 1}/{wait}")
        elif sort and sort[0] in ("chunked", "drip"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(3):
                self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                self.wfile.flush()
                time.sleep(seconds)
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection |= bool(sort and sort[0] == "close")
            self._answer(b"y" * 60_000 if sort and sort[0] == "large" else b"ok")
        self.wfile.flush()

    def _redirect(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Listens on IPv4 and IPv6 alike."""

    address_family = socket.AF_INET6
    request_queue_size = 256
    daemon_threads = True

    def server_bind(self) -> None:
        """Take IPv4 too."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, *_: object) -> None:
        """Let clients go away in the middle: that is what kills are about."""


def main() -> None:
    """Serve."""
    server = Server(("::", 0), Handler)
    if sys.argv[1:]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(server.server_port, flush=True)  # noqa: T201 - the port is what it is asked for
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()


if __name__ == "__main__":
    main()
