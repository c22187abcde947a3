"""The hosts that the settings name: where the application would go, and their addresses there."""

from __future__ import annotations

import re
import socket
import threading
import time
from typing import Any, Iterator, Mapping, Tuple

from .masking import CAMEL, URL

RESOLVING = 2.0
"""Seconds that all names together may take until they are resolved."""
MOST_HOSTS = 200
INCOMING = re.compile(
    r"^(?:ALLOWED_HOSTS|INTERNAL_IPS|FORCE_SCRIPT_NAME|LOGGING_CONFIG|USE_X_FORWARDED_HOST|CSP_|SECURE_|CORS_|LANGUAGE)"
    r"|TRUSTED_ORIGINS|ALLOWED_ORIGIN|COOKIE_DOMAIN|TRUSTED_PROX|FORWARDED"
)
"""Settings about who may come in, or what a browser may load: not where the application goes."""
NAMED = re.compile(
    r"(?:^|_)(?:HOST|HOSTS|HOSTNAME|SERVER|SERVERS|ENDPOINT|ENDPOINTS|BROKER|BROKERS|ADDRESS|NODES|SENTINELS)$"
)
LOCATED = re.compile(r"(?:^|_)LOCATION$")
HOST = re.compile(r"(?:(?=[^:]*[A-Za-z.])([A-Za-z0-9_][A-Za-z0-9_.-]*)|\[([0-9A-Fa-f:.]+)\])(?::(\d+))?")
DSN = re.compile(r"\b(?:host|hostaddr)\s*=\s*('[^']*'|[^\s;]+)")
ROLES = (
    ("DATABASES", "database"),
    ("CACHES", "cache"),
    ("EMAIL", "mail"),
    ("CHANNEL_LAYERS", "broker"),
    ("BROKER", "broker"),
    ("RESULT_BACKEND", "broker"),
    ("CELERY", "broker"),
)

Found = Tuple[str, str, str]
"""The path of a setting, a host, and its port or nothing."""


def hosts_of(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return every host that settings lead to, with the setting and what it is for."""
    found: dict[Found, None] = {}
    for name in sorted(values):
        if not INCOMING.search(name) and not (
            name == "EMAIL_HOST" and "smtp" not in values.get("EMAIL_BACKEND", "")
        ):
            for one in _walk(name, name, values[name], 8):
                found.setdefault(one)
    return [
        {"setting": path, "host": host, "port": port, "role": role_of(path)}
        for path, host, port in list(found)[:MOST_HOSTS]
    ]


def role_of(path: str) -> str:
    """Return what the host of a setting is for."""
    return next((role for part, role in ROLES if part in path.partition(".")[0]), "outgoing")


def _walk(path: str, name: str, value: Any, deep: int) -> Iterator[Found]:
    if isinstance(value, str):
        yield from ((path, host, port) for host, port in _in_text(name, value))
    elif isinstance(value, Mapping) and deep:
        for key, inner in value.items():
            yield from _walk(f"{path}.{key}", str(key), inner, deep - 1)
    elif isinstance(value, (list, tuple)) and deep:
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int) and _named(name):
            yield from ((path, host, str(value[1])) for host, _ in _in_text(name, value[0]))
            return
        for inner in value:
            yield from _walk(path, name, inner, deep - 1)


def _named(name: str) -> bool:
    return bool(NAMED.search(CAMEL.sub("_", name).upper()))


def _in_text(name: str, text: str) -> Iterator[tuple[str, str]]:
    for _, _, place, _ in URL.findall(text):
        # Of a password with a slash in it, that is what stands there; the host is behind the last @.
        yield from _listed(place)
    if "://" in text:
        if "@" in text.partition("://")[2]:
            yield from _listed(re.split(r"[/?#]", text.rpartition("@")[2])[0])
        return
    for place in DSN.findall(text):
        yield from _listed(place.strip("'"))
    if _named(name) or (LOCATED.search(name.upper()) and re.search(r":\d+$", text)):
        yield from _listed(text)


def _listed(text: str) -> Iterator[tuple[str, str]]:
    for word in re.split(r"[,;\s]+", text):
        found = HOST.fullmatch(word)
        if found:
            yield (found[1] or found[2]).lower(), found[3] or ""


class Resolver:
    """Resolves names beside everything else; whoever takes too long has none."""

    def __init__(self, names: list[str]) -> None:
        self._found: dict[str, list[str]] = {}
        self._until = time.monotonic() + RESOLVING
        self._threads = [threading.Thread(target=self._one, args=(name,), daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def found(self) -> dict[str, list[str]]:
        """Return the addresses of every name that has some, after a short while at the most."""
        for thread in self._threads:
            thread.join(max(0.0, self._until - time.monotonic()))
        return dict(self._found)

    def _one(self, name: str) -> None:
        try:
            told = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        self._found[name] = sorted({str(one[4][0]) for one in told})
