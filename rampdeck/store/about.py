"""What a session file says about the session as a whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rampdeck import __version__
from rampdeck.config import Config
from rampdeck.gate import Threshold
from rampdeck.model import Instant
from rampdeck.secrets import redact, redact_arguments, redact_values


def about(
    config: Config,
    *,
    title: str,
    host: str,
    began: Instant,
    arguments: Sequence[str],
    thresholds: Sequence[Threshold] = (),
    production: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the meta of a session by key, without secrets.

    ``host`` is the address that the load goes to, ``arguments`` the command
    line, ``thresholds`` what it is judged by: in parts, so that a secret in a
    request name, which goes, takes nothing with it. ``environment`` names what
    was loaded, ``ceilings`` has them and the emergency stop, ``production`` (
    :meth:`~rampdeck.guard.production.Production.to_meta`) says that it was that.
    """
    return {
        "rampdeck": __version__,
        "title": title,
        "host": redact(host),
        "began": {"utc": began.utc, "mono": began.mono},
        "environment": redact(config.target.environment),
        "ceilings": _finite(config.guard.model_dump(mode="json")),
        "production": None if production is None else redact_values(production),
        "arguments": list(redact_arguments(arguments)),
        "thresholds": [_parts(threshold) for threshold in thresholds],
        "config": redact_values(_finite(config.model_dump(mode="json"))),
    }


def _finite(value: object) -> object:
    """Return a value as JSON can have it: a limit that is switched off, ``inf``, becomes that word.

    Read back it is the number again (pydantic takes it); as ``null`` the session could not be reported.
    """
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _parts(threshold: Threshold) -> list[str]:
    if not threshold.name:
        return [threshold.expression]
    return list(threshold.expression.partition(threshold.name))
