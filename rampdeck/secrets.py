"""Taking secrets out of text before it is written anywhere.

What is known by its shape goes: passwords in addresses and connection strings,
values of names such as ``password`` or ``sessionid``, authorization headers and
cookies. Rather a harmless word too many than a password too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

HIDDEN = "***"

_NAME = r"""(?:[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|credential|signature|session[_-]?id|jwt
           |(?:api|access|private|secret|signing)[_-]?key)[\w-]*(?<!_env)(?<!_file))"""
_QUOTED = r"""(?:"(?:[^"\\]|\\.)*(?:"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z))"""
_RULES = [
    (re.compile(pattern, re.IGNORECASE | re.VERBOSE), replacement)
    for pattern, replacement in (
        # scheme://user:password@host; digits after the colon and then a slash are a port
        (
            r"""(:// [^\s/:@"'<>]* :) (?!\d+(?:[/?\#\s]|$)) (?: [^\s/"'<>]+ | [^\s"'<>@]+ ) @""",
            rf"\1{HIDDEN}@",
        ),
        # headers, as such or in a printed dictionary; the scheme's name may stay
        (
            r"""(\b(?:proxy-)?authorization ["']? \s* [:=] \s* ["']? (?:(?:basic|bearer|token|digest)\s+)?)
                (?!\*\*\*) [^\r\n"']+""",
            rf"\1{HIDDEN}",
        ),
        (r"""(\b(?:set-)?cookie ["']? \s* : \s* ["']?) [^\r\n"']+""", rf"\1{HIDDEN}"),
        (r"""(\b(?:bearer|basic)\s+) [\w.~+/=-]{8,}""", rf"\1{HIDDEN}"),
        # password=..., "password": "...", token: ...
        (rf"""(\b{_NAME} ["']? \s* [:=] \s*) (?: {_QUOTED} | [^\s&;,"'\])}}]+ )""", rf"\1{HIDDEN}"),
        # names that say so only in a query or an assignment
        (rf"""((?<![\w.-])(?:key|pass|auth|sig|pw) =) (?: {_QUOTED} | [^\s&;,"'\])}}]+ )""", rf"\1{HIDDEN}"),
    )
]
_SECRET_NAME = re.compile(rf"{_NAME}|key|pass|auth|sig|pw", re.IGNORECASE | re.VERBOSE)


def redact(text: str) -> str:
    """Return text without the secrets that can be told by their shape."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def redact_arguments(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return a command line without secrets; ``--password VALUE`` counts, too."""
    redacted: list[str] = []
    hide = False
    for argument in arguments:
        redacted.append(HIDDEN if hide else redact(argument))
        hide = argument.startswith("--") and bool(_SECRET_NAME.fullmatch(argument[2:].replace("-", "_")))
    return tuple(redacted)


def redact_values(value: object) -> object:
    """Return nested mappings and sequences without secrets, told by key or by shape."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if part and _SECRET_NAME.fullmatch(str(key)) else redact_values(part)
            for key, part in value.items()
        }
    if isinstance(value, Sequence):
        return [redact_values(part) for part in value]
    return value
