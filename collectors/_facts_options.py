"""What Gunicorn and Uvicorn were told: by command line, environment and configuration file, in that order."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Setting(NamedTuple):
    """A value, and where it was given."""

    value: str
    where: str


GUNICORN = {
    "workers": "1",
    "worker_class": "sync",
    "threads": "1",
    "timeout": "30",
    "graceful_timeout": "30",
    "keepalive": "2",
    "max_requests": "0",
    "max_requests_jitter": "0",
    "worker_connections": "1000",
    "backlog": "2048",
    "preload_app": "False",
    "accesslog": "None",
    "bind": "",
}
"""The settings of Gunicorn that matter for a load, with their defaults; empty is not one value."""
UVICORN = {
    "workers": "1",
    "loop": "auto",
    "http": "auto",
    "timeout_keep_alive": "5",
    "limit_concurrency": "",
    "limit_max_requests": "",
    "backlog": "2048",
    "access_log": "True",
    "timeout_graceful_shutdown": "",
    "host": "127.0.0.1",
    "port": "8000",
    "uds": "",
}
"""Those of Uvicorn."""
_SHORT = {"-w": "workers", "-k": "worker_class", "-t": "timeout", "-b": "bind", "-c": "config"}
_LONG = {"keep_alive": "keepalive", "access_logfile": "accesslog"}
_FLAGS = {
    "preload": ("preload_app", "True"),
    "access_log": ("access_log", "True"),
    "no_access_log": ("access_log", "False"),
}
"""Options that take no word: which setting they give which value."""
_LITERAL = re.compile(r"""(?:(\d+)|(True|False)|"([^"\\]*)"|'([^'\\]*)')\s*(?:#.*)?""")


def of_command_line(words: Sequence[str], names: Iterable[str], where: str) -> dict[str, Setting]:
    """Return what options say: ``--workers 4``, ``--workers=4``, ``-w 4``, ``-w4``, ``--preload``."""
    wanted = {*names, "config"}
    found: dict[str, Setting] = {}
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            option, equals, value = word[2:].partition("=")
            name = option.replace("-", "_")
            name = _LONG.get(name, name)
            if (flag := _FLAGS.get(name)) and flag[0] in wanted:
                found[flag[0]] = Setting(flag[1], where)
            elif name in wanted:
                found[name] = Setting(value if equals else next(rest, ""), where)
        elif name := _SHORT.get(word[:2], ""):
            found[name] = Setting(word[2:].removeprefix("=") or next(rest, ""), where)
    return found


def of_environment(lines: Iterable[str], names: Iterable[str]) -> dict[str, Setting]:
    """Return what ``GUNICORN_CMD_ARGS`` and ``WEB_CONCURRENCY`` say."""
    found: dict[str, Setting] = {}
    for line in lines:
        variable, _, value = line.partition("=")
        if variable == "WEB_CONCURRENCY":
            found.setdefault("workers", Setting(value, variable))
        else:
            found |= of_command_line(words_of(value), names, variable)
    return found


def of_file(lines: Iterable[str], file: str) -> dict[str, Setting]:
    """Return what lines ``name =value`` of a configuration file say; an expression as it is written."""
    found: dict[str, Setting] = {}
    for line in lines:
        name, _, value = line.partition(" =")
        literal = _LITERAL.fullmatch(value.strip())
        plain = (
            next((part for part in literal.groups() if part is not None), "") if literal else value.strip()
        )
        found[name] = Setting(plain, file)
    return found


def words_of(text: str) -> list[str]:
    """Return a command line's words, also of one that no shell would take."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def given(*ranked: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return each setting as the first of these gives it."""
    found: dict[str, Setting] = {}
    for settings in reversed(ranked):
        found |= settings
    return found
