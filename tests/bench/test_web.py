"""A page in a real browser without a window: it is asked for, and the browser is gone afterwards."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from bench.server import HOST
from bench.web import OpenPage, browser


def test_a_page_is_open_for_the_length_of_a_block(tmp_path: Path) -> None:
    path = browser()
    if path is None:
        pytest.skip("no browser is installed")
    profile, asked = tmp_path / "profile", threading.Event()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if self.path == "/":
                asked.set()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Page) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with OpenPage(path, server.server_port, profile):
                assert asked.wait(60)
        finally:
            server.shutdown()
            thread.join()

    left = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if f"--user-data-dir={profile}" in (process.info["cmdline"] or [])
    ]
    assert left == []
    assert not profile.exists()
