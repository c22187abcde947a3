"""What was laid before the load: what the preflight found, whom users might contact, what was refused.

All of it stands in the meta of a session, so a record that is rebuilt says what
the first one said. A session of an older Rampdeck has none of it, and its
record says nothing of it; what is damaged, or of a later version, is left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rampdeck.facts import Fact, from_meta
from rampdeck.guard.told import KEY as GUARD
from rampdeck.guard.told import Guarded
from rampdeck.text import clean

PREFLIGHT = "preflight"
"""The key of the preflight in the meta of a session file."""
CEILINGS = "ceilings"
"""The key of ``[guard]`` there: what the load was held to."""
THIRD_PARTIES = "django.third_parties"
"""The check that says whom the application itself calls."""
STATES = ("failed", "unknown", "pending", "warning", "ok", "skipped")
"""How a check can come out, the worst first (:class:`rampdeck.preflight.check.State`)."""
MOST_NAMED = 8
"""Places of refusals, or names of checks, that a sentence names."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check as it came out at one place; ``effect`` is what the record lacks if one went on."""

    name: str
    title: str
    host: str
    state: str
    expected: str
    found: str
    why: str
    fix: str
    effect: str
    because: str = ""
    """The :attr:`label` of the one whose failure kept this one from being known."""

    @property
    def label(self) -> str:
        """Its name and place, which tell it from all others."""
        return f"{self.name} at {self.host}" if self.host else self.name


@dataclass(frozen=True, slots=True)
class PreflightResult:
    """What was looked at before the load, when (UTC seconds) and for how long.

    ``went_on`` names the checks in spite of which somebody let the load begin,
    ``mended`` those that failed under load and were mended while it went on.
    ``tls`` are the facts of how TLS ends (:mod:`rampdeck.preflight.checks.tls`).
    """

    at: float | None
    seconds: float
    checks: tuple[CheckResult, ...]
    went_on: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    tls: tuple[Fact, ...] = ()

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any]) -> PreflightResult | None:
        """Return it from the meta of a session; ``None`` where nobody looked."""
        stored = meta.get(PREFLIGHT)
        if not isinstance(stored, Mapping):
            return None
        checks = (_check(one) for one in _list(stored, "checks") if isinstance(one, Mapping))
        return cls(
            _number(stored.get("at")),
            _number(stored.get("seconds")) or 0.0,
            tuple(checks),
            _texts(stored, "went_on"),
            _texts(stored, "mended"),
            tuple(pair.fact for pair in from_meta(stored.get("tls"))),
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many checks came out how, in the order of :data:`STATES`; what there is none of is left out."""
        found = Counter(check.state for check in self.checks)
        return {state: found[state] for state in STATES if found[state]}

    @property
    def not_ok(self) -> tuple[CheckResult, ...]:
        """The checks that were not as expected, the worst first; not those :meth:`behind` one of them."""
        causes = {check.label for check in self.checks if check.state == "failed"}
        own = [check for check in self.checks if check.state == "failed" or check.because not in causes]
        return tuple(check for state in STATES[:4] for check in own if check.state == state)

    def behind(self, check: CheckResult) -> tuple[str, ...]:
        """Return the names of the checks that are not known because this one failed, each once."""
        return tuple(dict.fromkeys(one.name for one in self.checks if one.because == check.label))

    def named(self, *states: str) -> tuple[str, ...]:
        """Return the names of the checks that came out so, each once."""
        return tuple(dict.fromkeys(check.name for check in self.checks if check.state in states))

    def check(self, name: str) -> CheckResult | None:
        """Return the first result of a check."""
        return next((check for check in self.checks if check.name == name), None)

    def doubts(self, *, has_load: bool) -> Iterator[str]:
        """Yield what takes a PASS away: the load went to a stack of which a check failed.

        Without load there was nothing that a check could have spoiled.
        """
        if not has_load:
            return
        failed = dict.fromkeys((*self.named("failed"), *self.mended))
        if spite := [name for name in failed if name in self.went_on]:
            yield f"the preflight failed: {_listed(spite)}, and one went on"
        if later := [name for name in failed if name not in self.went_on]:
            yield f"the preflight, looked at again under load, failed: {_listed(later)}"


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the load was held to, and when the emergency stop would have ended it; ``None`` is no ceiling."""

    users: float | None
    spawn_rate: float | None
    rps: float | None
    emergency: bool
    emergency_after: float | None
    emergency_error_rate: float | None
    emergency_limit: float | None

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any]) -> Ceilings | None:
        """Return them from the meta of a session."""
        stored = meta.get(CEILINGS)
        if not isinstance(stored, Mapping):
            return None
        numbers = {name: _number(stored.get(name)) for name in cls.__slots__ if name != "emergency"}
        return cls(**numbers, emergency=stored.get("emergency") is not False)


@dataclass(frozen=True, slots=True)
class ProductionResult:
    """That the load went to production, why that is known; who said that it was meant, how and when (UTC)."""

    host: str
    because: str
    how: str = ""
    name: str = ""
    at: float | None = None

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any]) -> ProductionResult | None:
        """Return it from the meta of a session; ``None`` where it was not production."""
        stored = meta.get("production")
        if not isinstance(stored, Mapping):
            return None
        said = stored.get("confirmed")
        said = said if isinstance(said, Mapping) else {}
        words = _text(stored, "host"), _text(stored, "because"), _text(said, "how"), _text(said, "name")
        return cls(*words, _number(said.get("utc")))


@dataclass(frozen=True, slots=True)
class Groundwork:
    """Everything that is known of a session from before its load, and of its guard."""

    environment: str = ""
    production: ProductionResult | None = None
    ceilings: Ceilings | None = None
    guard: Guarded | None = None
    preflight: PreflightResult | None = None
    tls_in_production: str = ""

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any]) -> Groundwork | None:
        """Return it from the meta of a session, live or read back; ``None`` for one of an older Rampdeck."""
        if "environment" not in meta and PREFLIGHT not in meta:
            return None
        config = meta.get("config")
        target = config.get("target") if isinstance(config, Mapping) else None
        return cls(
            _text(meta, "environment"),
            ProductionResult.of_meta(meta),
            Ceilings.of_meta(meta),
            _guarded(meta),
            PreflightResult.of_meta(meta),
            _text(target, "tls_in_production") if isinstance(target, Mapping) else "",
        )

    def warnings(self) -> Iterator[str]:
        """Yield what weighs nothing in the verdict: what is not known, and what was refused."""
        if self.preflight and (unknown := self.preflight.named("unknown", "pending")):
            yield f"the preflight could not find out: {_listed(unknown)}"
        if self.guard:
            places: Counter[str] = Counter()
            for refusal in self.guard.refusals:
                places[refusal.place] += refusal.count
            for place, count in places.most_common(MOST_NAMED):
                yield f"the guard refused the scenario {place}, {times(count)}"
            if (more := len(places) - MOST_NAMED) > 0:
                yield f"the guard refused the scenario {more} other place{'s' * (more > 1)}"


def doubts(meta: Mapping[str, Any], *, has_load: bool) -> tuple[str, ...]:
    """Return what takes a PASS away, from the meta of a session."""
    preflight = PreflightResult.of_meta(meta)
    return tuple(preflight.doubts(has_load=has_load)) if preflight else ()


def times(count: int) -> str:
    """Return how often: ``once``, ``12 times``."""
    return "once" if count == 1 else f"{count:,} times".replace(",", " ")


def _listed(names: Sequence[str] | Collection[str]) -> str:
    names = list(names)
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _guarded(meta: Mapping[str, Any]) -> Guarded | None:
    stored = meta.get(GUARD)
    try:
        return Guarded.of_meta(stored) if isinstance(stored, Mapping) else None
    except (KeyError, TypeError):
        return None


def _check(stored: Mapping[str, Any]) -> CheckResult:
    said = {name: _text(stored, name) for name in CheckResult.__slots__}
    # A state that is not known here is not taken for a good one.
    return CheckResult(**said | {"state": said["state"] if said["state"] in STATES else "unknown"})


def _text(stored: Mapping[str, Any], key: str) -> str:
    value = stored.get(key)
    return clean(value) if isinstance(value, str) else ""


def _texts(stored: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(clean(one) for one in _list(stored, key) if isinstance(one, str))


def _list(stored: Mapping[str, Any], key: str) -> list[Any]:
    value = stored.get(key)
    return value if isinstance(value, list) else []


def _number(value: object) -> float | None:
    """Return a number; ``inf`` stands as that word in the file, and is no ceiling."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None
