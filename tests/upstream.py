"""An HTTP server that answers as the path says.

/status/503, /slow/0.2 (seconds), /size/100000 (bytes), /away/2 (redirects).
"""

from __future__ import annotations

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, size, away = 200, 12, 0
        match self.path.strip("/").split("/"):
            case ["status", code]:
                status = int(code)
            case ["slow", seconds]:
                time.sleep(float(seconds))
            case ["size", length]:
                size = int(length)
            case ["away", redirects] if int(redirects):
                status, away = 302, int(redirects)
        self.send_response(status)
        if away:
            self.send_header("Location", f"/away/{away - 1}")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"x" * size)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
