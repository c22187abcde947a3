"""With what the session was run: its command line and its configuration, as its file keeps them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rampdeck.record.gfm import block, details
from rampdeck.secrets import redact_arguments, redact_values

MOST_LINES = 500
"""Lines of a written configuration; the JSON has all of it."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """The command line after ``rampdeck``, and every table of the configuration, defaults too."""

    arguments: tuple[str, ...] = ()
    tables: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any]) -> Settings:
        """Return them from the meta of a session (:func:`rampdeck.store.about.about`), live or read back."""
        return cls(tuple(meta.get("arguments") or ()), meta.get("config") or {})


NO_SETTINGS = Settings()
"""Where nothing is known of it."""


def to_json(settings: Settings) -> dict[str, Any]:
    """Return them as the JSON record has them."""
    return {
        "arguments": list(redact_arguments(settings.arguments)),
        "configuration": redact_values(settings.tables),
    }


def lines(settings: Settings) -> list[str]:
    """Return them as ``rampdeck.toml`` has them, after the command line; what is empty is left out."""
    told = to_json(settings)
    written = [f"# rampdeck {' '.join(told['arguments'])}"] if told["arguments"] else []
    written += _table(told["configuration"], ())
    if (more := len(written) - MOST_LINES) > 0:
        written[MOST_LINES:] = [f"# and {more} lines more"]
    return written


def section(settings: Settings) -> str:
    """Return them for the Markdown record, folded."""
    return details("Configuration", block(lines(settings), "toml"))


def _table(table: Mapping[str, Any], path: tuple[str, ...], head: str = "[{}]") -> Iterator[str]:
    """Yield a table: its own keys under its name, then the tables in it."""
    own, inner = [], []
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner.append((key, "[{}]", value))
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            inner += [(key, "[[{}]]", one) for one in value]
        elif value not in (None, "", []):
            own.append(f"{_key(key)} = {json.dumps(value, ensure_ascii=False)}")
    if own and path:
        yield from ("", head.format(".".join(map(_key, path))))
    yield from own
    for key, below, one in inner:
        yield from _table(one, (*path, key), below)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
