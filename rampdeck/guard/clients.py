"""What the guard cannot see: clients that connect in C, and programs that a scenario starts.

The hook is in the sockets of Python. A library that calls the system by itself
passes it by, so it is told that the scenario has one, and which.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from rampdeck.errors import UsageError
from rampdeck.guard.hook import FORK_EXEC
from rampdeck.guard.hosts import Hosts, look_up

CLIENTS = {
    "MySQLdb": "MySQLdb (libmysqlclient)",
    "_mysql_connector": "MySQL Connector (libmysqlclient)",
    "awscrt": "awscrt (AWS CRT)",
    "confluent_kafka": "confluent_kafka (librdkafka)",
    "couchbase": "couchbase (libcouchbase)",
    "curl_cffi": "curl_cffi (libcurl)",
    "cx_Oracle": "cx_Oracle",
    "django.db.backends.postgresql.base": "psycopg (libpq)",
    "grpc": "grpc",
    "oracledb": "oracledb",
    "primp": "primp (Rust)",
    "psycopg": "psycopg (libpq)",
    "psycopg2": "psycopg2 (libpq)",
    "pulsar": "pulsar",
    "pycurl": "pycurl (libcurl)",
    "pylibmc": "pylibmc (libmemcached)",
    "pymssql": "pymssql (FreeTDS)",
    "pyodbc": "pyodbc",
    "rnet": "rnet (Rust)",
    "sqlalchemy.dialects.postgresql.psycopg": "psycopg (libpq)",
    "tls_client": "tls_client (Go)",
    "uvloop": "uvloop (libuv)",
    "zmq": "zmq (libzmq)",
}
"""Modules whose connections no hook sees, with what a person calls them."""


def imported_by(files: Iterable[str]) -> tuple[str, ...]:
    """Return the unseen clients that the scenario's own files import, anywhere in them.

    Only of those that are in the process by now, for no event tells who else
    imports what we or Locust have imported.
    """
    found: dict[str, None] = {}
    there = {name: told for name, told in CLIENTS.items() if name in sys.modules}
    for file in _own(files):
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            found |= dict.fromkeys(there[name] for name in _names(node) if name in there)
    return tuple(found)


def _own(files: Iterable[str]) -> list[Path]:
    """Return the locustfiles, and the modules beside and below them that were imported."""
    own = [Path(file).resolve() for file in files]
    folders = {file.parent for file in own}
    modules = [Path(file) for module in list(sys.modules.values()) if (file := _file(module))]
    beside = [path for path in modules if path.suffix == ".py" and folders & set(path.parents)]
    return list(dict.fromkeys([*own, *(path for path in beside if "site-packages" not in path.parts)]))


def _file(module: Any) -> str:
    file = getattr(module, "__dict__", {}).get("__file__")
    return file if isinstance(file, str) else ""


def _names(node: ast.AST) -> list[str]:
    """Return the modules that an import statement names, each with those that it lies in."""
    if isinstance(node, ast.Import):
        named = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        named = [node.module]
    else:
        return []
    parts = [name.split(".") for name in named]
    return [".".join(each[:length]) for each in parts for length in range(1, len(each) + 1)]


def program(event: str, arguments: Sequence[Any]) -> str:
    """Return the name of the program that an audit event is about to start; its arguments may be secret."""
    if event == "subprocess.Popen":
        executable, given, *_ = arguments
        return _first(executable or given)
    if event in ("os.system", "os.posix_spawn", "os.exec", FORK_EXEC):
        return _first(arguments[0])
    return _forking()


def _forking() -> str:
    """Return what gevent's Popen is about to start: the event of its fork does not say."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "_execute_child":
            return _first(frame.f_locals.get("executable") or frame.f_locals.get("args"))
        frame = frame.f_back
    return "a process of its own"


def proxies(hosts: Hosts) -> tuple[str, ...]:
    """Return the proxies of the environment (``HTTP_PROXY`` ...) that users may contact, by host alone.

    requests and urllib use them, Locust's own clients do not. One that is not
    among the hosts is refused like anybody else.
    """
    found: dict[str, None] = {}
    for url in getproxies().values():
        with suppress(UsageError, ValueError):
            name = urlsplit(url if "://" in url else f"//{url}").hostname or ""
            (proxy,) = look_up([name], known=hosts).all
            if any(network.network_address in hosts for network in proxy.networks):
                found[name] = None
    return tuple(found)


def _first(command: Any) -> str:
    if isinstance(command, list | tuple) and command:
        command = command[0]
    text = command.decode("utf-8", "replace") if isinstance(command, bytes) else str(command)
    return Path(text.split()[0]).name[:60] if text.split() else "a program"
