"""What an application told of itself, made fit to be shown: cleaned, without secrets, of known shape."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rampdeck.errors import SourceError
from rampdeck.preflight.django.probe.masking import HASHED
from rampdeck.secrets import redact
from rampdeck.text import clean

HASH = re.compile(rf"({HASHED}[0-9a-f]{{32}})")
"""What stands for a secret."""
Value = Any
"""A setting: text, number, boolean, nothing, or a list of such; a secret as ``hmac:...``."""
LONGEST = 2_000


@dataclass(frozen=True)
class NamedHost:
    """A host that a setting leads to; ``role``: database, cache, broker, mail or outgoing."""

    setting: str
    host: str
    port: str = ""
    role: str = "outgoing"


@dataclass(frozen=True)
class Message:
    """A message of ``manage.py check --deploy``; levels as of ``logging``, 40 is an error."""

    id: str
    level: int
    message: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Migrations:
    """What ``migrate`` would do, what is applied that the release does not have, and which leaves clash."""

    pending: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Database:
    """One of DATABASES; ``server`` is who really answered (``address``, ``version``; PostgreSQL)."""

    reached: bool = False
    server: Mapping[str, str] = field(default_factory=dict)
    migrations: Migrations | None = None


@dataclass(frozen=True)
class Handler:
    """A handler that an error of Django comes to; ``to``: stderr, stdout, journal, syslog or a file."""

    logger: str
    to: str = ""
    passes: bool = True
    cls: str = ""


@dataclass(frozen=True)
class Logs:
    """Where errors go; ``own``: LOGGING_CONFIG is the application's, and was not run."""

    handlers: tuple[Handler, ...] = ()
    own: str = ""
    disabled: bool = False
    level: str = ""


@dataclass(frozen=True)
class Accounts:
    """The accounts that were asked for and are there: ``ok``, ``inactive`` or ``no password``."""

    model: str
    field: str
    found: Mapping[str, str]


@dataclass(frozen=True)
class Stub:
    """A setting that stubs a third party, as it is."""

    there: bool
    same: bool = False
    value: Value = None


@dataclass(frozen=True)
class Answer:
    """What one application told, part by part; why a part is missing stands in ``problems`` under its name.

    ``settings`` are by path (``DATABASES.default.ENGINE``). ``told`` and
    ``unread`` say which variables of the service it was given. ``seconds`` is
    what it took there.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    module: str = ""
    settings: Mapping[str, Value] | None = None
    hosts: tuple[NamedHost, ...] | None = None
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stubs: Mapping[str, Stub] | None = None
    logging: Logs | None = None
    checks: tuple[Message, ...] | None = None
    databases: Mapping[str, Database] | None = None
    accounts: Accounts | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    seconds: float = 0.0

    def setting(self, path: str, otherwise: Value = None) -> Value:
        """Return a setting by its path."""
        return (self.settings or {}).get(path, otherwise)

    def listed(self, path: str) -> tuple[str, ...]:
        """Return a setting that is a list, as texts."""
        value = self.setting(path)
        return tuple(map(str, value)) if isinstance(value, list) else ()

    def problem(self, *parts: str) -> str:
        """Return why the first of these parts is missing; whatever failed before it counts, too."""
        before = ("surroundings", "module", "load", *parts)
        return next((self.problems[part] for part in before if part in self.problems), "it was not told")

    @property
    def loaded(self) -> bool:
        """Whether the settings could be loaded."""
        return self.settings is not None


_SHAPE = TypeAdapter(Answer)


def read(output: bytes, marker: str) -> Answer:
    """Return the answer in what a host wrote; raises :class:`SourceError` where there is none."""
    line = next((line for line in output.splitlines() if line.startswith(marker.encode())), b"")
    if not line:
        raise SourceError("the application told nothing", "it ended before it could")
    try:
        told = json.loads(line[len(marker) :])
        told["told"], told["unread"] = told.pop("from", ()), told.pop("unread", ())
        for handler in (told.get("logging") or {}).get("handlers", ()):
            handler["cls"] = handler.pop("class", "")
        return _SHAPE.validate_python(_cleaned(told))
    except (ValueError, ValidationError, AttributeError, TypeError) as error:
        raise SourceError("the application's answer cannot be read", clean(redact(str(error)), 300)) from None


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        # What is hashed already no rule is to hide: by it secrets are compared.
        pieces = HASH.split(clean(value, LONGEST))
        return "".join(piece if HASH.fullmatch(piece) else redact(piece) for piece in pieces)
    if isinstance(value, Mapping):
        return {clean(str(key), 300): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_cleaned(inner) for inner in value]
    return value
