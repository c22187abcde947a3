"""What a session file says about the session as a whole."""

from __future__ import annotations

from collections.abc import Sequence

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
) -> dict[str, object]:
    """Return the meta of a session by key, without secrets.

    ``host`` is the address that the load goes to, ``arguments`` the command
    line, ``thresholds`` what it is judged by: in parts, so that a secret in a
    request name, which goes, takes nothing with it.
    """
    return {
        "rampdeck": __version__,
        "title": title,
        "host": redact(host),
        "began": {"utc": began.utc, "mono": began.mono},
        "arguments": list(redact_arguments(arguments)),
        "thresholds": [_parts(threshold) for threshold in thresholds],
        "config": redact_values(config.model_dump(mode="json")),
    }


def _parts(threshold: Threshold) -> list[str]:
    if not threshold.name:
        return [threshold.expression]
    return list(threshold.expression.partition(threshold.name))
