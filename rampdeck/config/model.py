"""What every table of ``rampdeck.toml`` is made of: frozen, with durations and addresses of its own."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


def seconds(text: object) -> float:
    """Return a duration in seconds: ``"5m"``, ``"1h30m"``, ``"10s"``, ``"90"`` or a number.

    Raises :class:`ValueError` for anything else.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        value = float(text)
    elif isinstance(text, str) and text.strip() and (match := _DURATION.fullmatch(text.strip())):
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        value = hours * 3600 + minutes * 60 + rest
    else:
        raise ValueError(f'"{text}" is no duration; write 30s, 5m or 1h30m')
    if value < 0:
        raise ValueError("a duration cannot be negative")
    return value


def _is_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+.*", text):
        raise ValueError(f'"{text}" is no address; write http://HOST or https://HOST')
    return text.rstrip("/")


Seconds = Annotated[float, BeforeValidator(seconds)]
Url = Annotated[str, AfterValidator(_is_url)]


class Model(BaseModel):
    """A table of the file: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
