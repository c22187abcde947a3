"""Taking secrets out of text before it is written or shown anywhere.

Two ways lead there. What has the shape of a secret goes
(:mod:`rampdeck.secrets.shapes`): passwords in addresses and connection strings,
values of names such as ``password`` or ``sessionid``, headers, cookies, tokens.
And what this process was given as a secret goes wherever it stands, by its value
(:func:`know`). Rather a harmless word too many than a password too few.

Text from outside is redacted where it comes in (:mod:`rampdeck.secrets.scrub`), so that the
session file holds no secret; whoever writes a record redacts again, which costs
little and changes nothing.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from urllib.parse import quote, quote_plus

from rampdeck.secrets.shapes import HIDDEN, suspicious, without_shapes
from rampdeck.text import ESCAPES

SHORTEST = 6
"""Characters of a secret that is looked for by its value; shorter ones stand in ordinary words."""
MOST_FOUND = 64
"""Secrets of the environment that are looked for by their value; what was given to Rampdeck always is."""
_PASSES = 4
_NAME = re.compile(
    r"""(?:[\w.-]*(?:passw(?:or)?d|passphrase|passcode|pwd|secret|token|credential|signature|session[_-]?(?:id|key)|jwt
           |[cx]srf|(?:api|access|private|secret|signing|encryption|auth)[_-]?key)[\w-]*
           |[\w-]*_(?:key|pass|pw|salt|dsn) | key|pass|auth|sig|pw|cookies?|(?:proxy-)?authorization)
        (?<!_env)(?<!_file)(?<!_command)""",
    re.IGNORECASE | re.VERBOSE,
)
_LOGIN = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_WORD = re.compile(r"[a-z]{1,12}|\d{1,7}")

_known: dict[str, tuple[str, ...]] = {}
"""Each secret by its value with the spellings in which it may stand; in memory only."""


def redact(text: str) -> str:
    r"""Return text without the secrets that are known, and those that can be told by their shape.

    Where colours hide one (``password\x1b[0m=\\x1b[35m...``, as structlog writes it), they go too.
    """
    if "\x1b" in text:
        plain = ESCAPES.sub("", text).replace("\x1b", "")
        return text if (left := redact(plain)) == plain else left
    if _known:
        text = _without_known(text)
    if not suspicious(text.lower()):
        return text
    for _ in range(_PASSES):
        before, text = text, without_shapes(text)
        if text == before:
            break
    return text


def may_hold(text: str) -> bool:
    """Return whether :func:`redact` would look at a text closely."""
    return suspicious(text.lower()) or (bool(_known) and _without_known(text) != text)


@lru_cache(maxsize=4_096)
def redact_again(text: str) -> str:
    """Return the same as :func:`redact`, quicker, for the names and texts that come every second."""
    return redact(text)


def redact_arguments(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return a command line without secrets; ``--password VALUE`` and ``--env PASSWORD=VALUE`` count, too."""
    redacted: list[str] = []
    hide = False
    for argument in arguments:
        redacted.append(HIDDEN if hide else redact(_assigned(argument)))
        hide = _asks_for_secret(argument)
    return tuple(redacted)


def redact_values(value: object) -> object:
    """Return nested mappings and sequences without secrets, told by key or by shape."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if part and _NAME.fullmatch(str(key)) else redact_values(part)
            for key, part in value.items()
        }
    if isinstance(value, Sequence):
        return [redact_values(part) for part in value]
    return value


def know(value: str | None) -> None:
    """Hide a secret from now on wherever its value stands, also spelled for a URL, JSON or a basic login.

    A short one, and one that is an ordinary word or a number, is not looked
    for: without it no text could be read any more. It is still hidden by its shape.
    """
    if not value or len(value) < SHORTEST or _WORD.fullmatch(value) or value in _known:
        return
    _known[value] = tuple(dict.fromkeys(spelled for spelled in _spellings(value) if spelled != value))
    redact_again.cache_clear()


def know_environment(environment: Mapping[str, str]) -> None:
    """Know the values of variables that are named like secrets, and passwords in those that are addresses."""
    for name, value in environment.items():
        if len(_known) >= MOST_FOUND:
            return
        if _NAME.fullmatch(name) and not value.startswith(("/", "~", "http://", "https://")):
            know(value)
        for login in _LOGIN.findall(value) if "://" in value else ():
            know(login)


def know_arguments(arguments: Sequence[str]) -> None:
    """Know the values of options that are named like secrets, and passwords in addresses."""
    hide = False
    for argument in arguments:
        name, _, value = argument.partition("=")
        if hide:
            know(argument)
        elif value and _asks_for_secret(name):
            know(value)
        hide = _asks_for_secret(argument)
        for login in _LOGIN.findall(argument):
            know(login)


def forget() -> None:
    """Forget every known value; for tests."""
    _known.clear()
    redact_again.cache_clear()


def _without_known(text: str) -> str:
    encoded = "%" in text or "\\" in text or "asic" in text or "&" in text
    for value, spellings in _known.items():
        if value in text:
            text = text.replace(value, HIDDEN)
        if encoded:
            for spelled in spellings:
                text = text.replace(spelled, HIDDEN)
    return text


def _assigned(argument: str) -> str:
    """Return ``NAME=VALUE`` without the whole value, whatever stands in it, where the name is a secret's."""
    name, equals, value = argument.partition("=")
    before = ""
    while equals:
        if value and _NAME.fullmatch(name.lstrip("-").replace("-", "_")):
            return f"{before}{name}={HIDDEN}"
        before += f"{name}="
        name, equals, value = value.partition("=")
    return argument


def _asks_for_secret(argument: str) -> bool:
    return argument.startswith("--") and bool(_NAME.fullmatch(argument[2:].replace("-", "_")))


def _spellings(value: str) -> Iterator[str]:
    for coded in (quote(value, safe=""), quote_plus(value)):
        yield coded
        yield _PERCENT.sub(lambda found: found[0].lower(), coded)
    yield escape(value)
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    # In base64 the letters depend on what stands before: three alignments, without their uncertain ends.
    data = value.encode()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        core = coded[(0, 2, 3)[shift] : len(coded) - 1]
        if len(core) >= 2 * SHORTEST - 2:
            yield core
