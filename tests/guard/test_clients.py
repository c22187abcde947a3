"""What the guard cannot see is found where the scenario brings it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from rampdeck.guard.clients import imported_by, program, proxies
from rampdeck.guard.hook import FORK_EXEC
from rampdeck.guard.hosts import look_up


def test_clients_in_c_that_are_there_are_found_wherever_the_scenario_imports_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pycurl", "psycopg", "zmq", "grpc"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    file = tmp_path / "locustfile.py"
    file.write_text(
        "import os, pycurl as curl\n"
        "from psycopg.rows import dict_row\n"
        "def later():\n    from zmq import Context\n"
        "from . import grpc\n"
        "import redis, requests, socket, uvloop\n"
    )
    assert imported_by([str(file)]) == ("pycurl (libcurl)", "psycopg (libpq)", "zmq (libzmq)")


def test_a_file_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import pycurl(")
    assert imported_by([str(tmp_path / "broken.py"), str(tmp_path / "none.py")]) == ()


@pytest.mark.parametrize(
    ("event", "arguments", "name"),
    [
        ("subprocess.Popen", ("/usr/bin/curl", ["curl", "--user", "kim:secret"], None, None), "curl"),
        ("subprocess.Popen", (None, ["curl", "-u", "kim:secret"], None, None), "curl"),
        ("os.system", (b"curl -u kim:secret http://x",), "curl"),
        ("os.posix_spawn", ("/bin/sh", ["sh", "-c", "secret"], {}), "sh"),
        ("os.exec", (b"/opt/tool", [], {}), "tool"),
        ("os.system", (b"",), "a program"),
        (FORK_EXEC, ([b"/usr/bin/python", b"-c", b"secret"],), "python"),
        ("os.fork", (), "a process of its own"),
    ],
)
def test_a_program_is_told_by_its_name_alone(event: str, arguments: tuple[object, ...], name: str) -> None:
    assert program(event, arguments) == name


def test_a_proxy_that_may_be_contacted_hides_where_requests_go(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    allowed = look_up(["127.0.0.1"])
    assert proxies(allowed) == ()
    monkeypatch.setenv("http_proxy", "http://kim:secret@127.0.0.1:3128")
    monkeypatch.setenv("https_proxy", "127.0.0.2:3128")
    assert proxies(allowed) == ("127.0.0.1",)
