"""A baseline: the settings as they are to be, stored beside the configuration, and what has drifted from it.

Secrets stand there as keyed hashes: whether one is another can be told, and no more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rampdeck import __version__
from rampdeck.errors import RecordError, UsageError
from rampdeck.guard.production import is_called_production
from rampdeck.preflight.django.answer import HASH, Answer, Value

SCHEMA = 1
VERSIONS = ("python", "django", "gunicorn", "uvicorn", "psycopg", "psycopg2", "psycopg2-binary")
ELSEWHERE = ("DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SECURE_PROXY_SSL_HEADER")
"""Settings that checks of their own judge: by what they must be here, not by what they are elsewhere."""
_AGAIN = "Write it anew: rampdeck preflight --save-baseline FILE"
MISSING = object()
HIDDEN = "***"


@dataclass(frozen=True)
class Drift:
    """A setting that is not as in the baseline; ``None`` where there is none on that side."""

    path: str
    expected: str | None
    found: str | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.path} is missing (it should be {self.expected})"
        if self.expected is None:
            return f"{self.path} is new ({self.found})"
        if self.found == self.expected:
            return f"{self.path} differs{'' if self.found == HIDDEN else ' in its secret'}"
        return f"{self.path} is {self.found} instead of {self.expected}"


@dataclass(frozen=True)
class Baseline:
    """The settings of one environment at one time, by path; ``salt`` is the key of its hashes."""

    schema: int
    salt: str
    settings: Mapping[str, Value]
    environment: str = ""
    saved: str = ""
    rampdeck: str = ""

    @classmethod
    def of(cls, answer: Answer, salt: str, environment: str, ignore: Sequence[str]) -> Baseline:
        """Return what an application told as a baseline, without what may differ."""
        kept = {path: value for path, value in compared(answer).items() if not ignored(path, ignore)}
        saved = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(SCHEMA, salt, kept, environment, saved, __version__)

    @classmethod
    def load(cls, path: Path) -> Baseline:
        """Read one; raises :class:`UsageError` where it cannot be."""
        try:
            found = _SHAPE.validate_json(path.read_text(encoding="utf-8"))
            bytes.fromhex(found.salt)
        except OSError as error:
            raise UsageError(f"the baseline {path}", error.strerror or str(error), _AGAIN) from None
        except (ValidationError, ValueError):
            raise UsageError(f"the baseline {path}", "it is none", _AGAIN) from None
        if found.schema != SCHEMA:
            raise UsageError(f"the baseline {path}", f"its schema is {found.schema}, not {SCHEMA}", _AGAIN)
        return found

    def save(self, path: Path) -> None:
        """Write it, for its owner's eyes only; raises :class:`RecordError`."""
        text = json.dumps(_SHAPE.dump_python(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        new = path.with_name(f"{path.name}.new")
        try:
            with os.fdopen(
                os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
            ) as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(text)
            new.replace(path)
        except OSError as error:
            raise RecordError(
                f"the baseline {path} cannot be written", error.strerror or str(error)
            ) from None

    def of_production(self, environment: str) -> bool:
        """Return whether it is production's, and an application of this environment is not."""
        return is_called_production(self.environment) and not is_called_production(environment)

    def shared(self, answer: Answer, ignore: Sequence[str]) -> list[str]:
        """Return the settings whose secrets are the very ones of the baseline."""
        here = compared(answer)
        same = (
            path for path, value in self.settings.items() if _is_secret(value) and here.get(path) == value
        )
        return sorted(path for path in same if not ignored(path, ignore))

    def drift(self, answer: Answer, ignore: Sequence[str], *, secrets: bool = True) -> list[Drift]:
        """Return what an application has otherwise; without ``secrets``, those are expected to differ."""
        here = compared(answer)
        found = []
        for path in sorted({*self.settings, *here}):
            before, now = self.settings.get(path, MISSING), here.get(path, MISSING)
            if not secrets and _is_secret(before) and _is_secret(now):
                continue
            if before != now and not ignored(path, ignore):
                found.append(Drift(path, _shown(before), _shown(now)))
        return found


def compared(answer: Answer) -> dict[str, Value]:
    """Return what is compared: all settings but those that another check owns, and ``version.django``."""
    settings = {path: value for path, value in (answer.settings or {}).items() if path not in ELSEWHERE}
    versions = {f"version.{name}": answer.versions[name] for name in VERSIONS if name in answer.versions}
    return {**settings, **versions}


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Return whether a setting may differ: it, or one that it is in, is named; ``*`` stands for any part."""
    return any(fnmatchcase(path, pattern) or path.startswith(f"{pattern}.") for pattern in patterns)


def _is_secret(value: object) -> bool:
    return isinstance(value, str) and HASH.fullmatch(value) is not None


def _shown(value: object) -> str | None:
    if value is MISSING:
        return None
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return HASH.sub(HIDDEN, text)


_SHAPE = TypeAdapter(Baseline)
