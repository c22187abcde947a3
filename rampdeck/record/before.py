"""What the record says of the time before the load: what was looked at, and what the load was kept to.

One set of words for Markdown and the page; JSON has all of it in parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rampdeck.facts import Fact
from rampdeck.guard.refusals import Refusal
from rampdeck.model import Instant
from rampdeck.record.gfm import MOST_SAID, bullets, code, prose, table
from rampdeck.record.groundwork import (
    THIRD_PARTIES,
    Ceilings,
    CheckResult,
    Groundwork,
    PreflightResult,
    ProductionResult,
    times,
)
from rampdeck.record.words import brief, clock, date, number
from rampdeck.secrets import redact

TITLE = "Before the load"
SIGNS = {"failed": "✖", "unknown": "○", "pending": "○", "warning": "▲", "ok": "●", "skipped": "–"}
CALLED = {
    "failed": "failed",
    "unknown": "not known",
    "pending": "not over",
    "warning": "warning",
    "ok": "ok",
    "skipped": "left out",
}
"""How a person calls the states of a check."""
MOST_CHECKS = 30
"""Checks that were not ok and are written out; the JSON has all."""
MOST_REFUSALS = 20
MOST_HOSTS = 20
NOBODY_LOOKED = "nobody looked at the stack before the load"
GUARDED = "the guard sees what users do, not what the application itself calls"
REFUSALS = ("What", "Times", "For the request", "By", "Why")
"""The columns of the refusals."""

Row = tuple[str, str]


def section(work: Groundwork | None) -> str:
    """Return the section of the Markdown record, without its heading."""
    if work is None:
        return ""
    preflight = work.preflight
    parts = (
        f"{SIGNS[state(preflight)]} **Preflight**: {prose(headline(preflight))}.",
        "\n".join(line for check in not_ok(preflight) for line in _check(check, preflight)),
        _more(preflight),
        "Where the load went, and what it was kept to:" if not_ok(preflight) else "",
        bullets(f"**{called}**: {prose(said, MOST_SAID)}" for called, said in rows(work)),
        _refusals(work),
    )
    return "\n\n".join(part for part in parts if part)


def state(preflight: PreflightResult | None) -> str:
    """Return the state that decides; what nobody looked at is not known, what is left out weighs nothing."""
    found = [one for one in preflight.counts if one != "skipped"] if preflight else []
    return found[0] if found else "unknown"


def headline(preflight: PreflightResult | None) -> str:
    """Return how the preflight came out, in a line: ``53 checks ok, looked at for 6.0 s``."""
    if preflight is None:
        return NOBODY_LOOKED
    counts = preflight.counts
    good = counts.pop("ok", 0)
    some = [
        f"{number(count)} {CALLED[one]}{'s' * (one == 'warning' and count > 1)}"
        for one, count in counts.items()
    ]
    ok = f"{number(good)} check{'s' * (good != 1)} ok" if good or not some else ""
    whole = ", ".join(filter(None, (*(one for one in some if "left out" not in one), ok)))
    left = ", ".join(one for one in some if "left out" in one)
    when = f" at {clock(preflight.at)} UTC" if preflight.at is not None else ""
    said = ", ".join(filter(None, (whole, left)))
    return f"{said}, looked at for {brief(preflight.seconds)}{when}"


def not_ok(preflight: PreflightResult | None) -> tuple[CheckResult, ...]:
    """Return the checks that are written out."""
    return preflight.not_ok[:MOST_CHECKS] if preflight else ()


def rows(work: Groundwork) -> Iterator[Row]:
    """Yield what else is said, each with what it is called."""
    preflight, guard = work.preflight, work.guard
    if preflight:
        if mended := [name for name in preflight.mended if name not in preflight.named("failed")]:
            yield "Mended under load", ", ".join(mended)
        if skipped := preflight.named("skipped"):
            yield "Left out", ", ".join(skipped)
    yield "Environment", work.environment or "not named"
    if work.production:
        yield "Production", _production(work.production)
    if guard:
        hosts = [_host(name, addresses) for name, addresses in guard.hosts[:MOST_HOSTS]]
        more = len(guard.hosts) - MOST_HOSTS
        named = ", ".join(hosts) + (f" and {number(more)} more" if more > 0 else "")
        yield "Users might contact", named or "nobody"
        yield "Refused by the guard", times(guard.refused) if guard.refused else "nothing"
        if guard.blind:
            yield "Not seen by the guard", "; ".join(guard.blind)
    if work.ceilings:
        yield "Ceilings", _ceilings(work.ceilings)
        yield "Emergency stop", _emergency(work.ceilings)
    yield from _tls(work)
    third = preflight.check(THIRD_PARTIES) if preflight else None
    told = third.found if third and third.found else "whom it calls was not looked at"
    yield "Third parties", f"{GUARDED}; {told}"


def below(check: CheckResult, preflight: PreflightResult | None) -> Iterator[Row]:
    """Yield what stands below a check that was not ok: what was expected, and what that means here."""
    if check.expected:
        yield "Expected", check.expected
    if check.fix:
        yield "What to do", check.fix
    if check.effect:
        yield "Effect", check.effect
    if preflight and (hidden := preflight.behind(check)):
        yield "Not known because of it", ", ".join(hidden)


def refusals(work: Groundwork) -> tuple[Refusal, ...]:
    """Return the refusals that are written out, the most frequent first."""
    found = work.guard.refusals if work.guard else ()
    return tuple(sorted(found, key=lambda one: -one.count)[:MOST_REFUSALS])


def by_whom(refusal: Refusal) -> str:
    """Return whose users wanted it."""
    return f"worker {refusal.worker}" if refusal.worker else "this process"


# -- Markdown


def _check(check: CheckResult, preflight: PreflightResult | None) -> Iterator[str]:
    where = f" at {code(check.host)}" if check.host else ""
    on = ", and one went on" if went_on(check, preflight) else ""
    found = f": {prose(check.found, MOST_SAID)}" if check.found else ""
    yield f"- {SIGNS[check.state]} **{CALLED[check.state]}** {code(check.name)}{where}{on}{found}"
    for called, said in below(check, preflight):
        yield f"  - {called}: {code(said) if called == 'What to do' else prose(said, MOST_SAID)}"


def went_on(check: CheckResult, preflight: PreflightResult | None) -> bool:
    """Return whether somebody let the load begin in spite of a check."""
    return bool(preflight and check.name in preflight.went_on and check.state in ("failed", "pending"))


def _more(preflight: PreflightResult | None) -> str:
    more = len(preflight.not_ok) - MOST_CHECKS if preflight else 0
    return f"And {number(more)} more, which are in record.json." if more > 0 else ""


def _refusals(work: Groundwork) -> str:
    lines = [
        (
            code(one.place),
            number(one.count),
            code(one.request),
            prose(by_whom(one)),
            prose(one.why, MOST_SAID),
        )
        for one in refusals(work)
    ]
    return table(REFUSALS, lines, 5) if lines else ""


# -- words


def _host(name: str, addresses: tuple[str, ...]) -> str:
    return name if addresses in ((), (name,)) else f"{name} ({', '.join(addresses)})"


def _production(production: ProductionResult) -> str:
    said = f"{production.host or 'a host without a name'} is production: {production.because}"
    if production.at is None:
        return f"{said}; nobody confirmed it, so no load was let through"
    whose = f" by {production.name}" if production.name else ""
    return f"{said}; confirmed{whose}, {production.how}, {date(Instant(production.at, 0.0))}"


def _ceilings(ceilings: Ceilings) -> str:
    users = "any number of" if ceilings.users is None else f"at most {number(round(ceilings.users))}"
    rate = "all at once" if ceilings.spawn_rate is None else f"{ceilings.spawn_rate:g} started a second"
    rps = "no ceiling of" if ceilings.rps is None else f"at most {ceilings.rps:g}"
    return f"{users} users, {rate}, {rps} requests a second"


def _emergency(ceilings: Ceilings) -> str:
    if not ceilings.emergency:
        return "switched off"
    errors, limit, after = (
        "?" if value is None else f"{value:g}"
        for value in (ceilings.emergency_error_rate, ceilings.emergency_limit, ceilings.emergency_after)
    )
    return f"at {errors} % of errors, or {limit} % of what a server has, for {after} s"


def _tls(work: Groundwork) -> Iterator[Row]:
    """Yield how TLS ends here, and how it does in production."""
    facts = _facts(work)
    if facts:
        certificate = _value(facts, "tls.certificate")
        # Without one there is no TLS, and where it ends says that already.
        how = f"; {_value(facts, 'tls.protocol')}; certificate of {certificate}" if certificate else ""
        yield "TLS here", f"ends {_value(facts, 'tls.ends') or 'nobody knows where'}{how}"
    if facts or work.tls_in_production:
        yield "TLS in production", work.tls_in_production or "it was not said, so how it differs is not known"


def _facts(work: Groundwork) -> dict[str, Fact]:
    return {fact.name: fact for fact in work.preflight.tls} if work.preflight else {}


def _value(facts: dict[str, Fact], name: str) -> str:
    return facts[name].value if name in facts else ""


# -- JSON


def to_json(work: Groundwork | None, moment: Callable[[float], str]) -> dict[str, Any] | None:
    """Return it as the JSON record has it; ``moment`` writes UTC seconds."""
    if work is None:
        return None
    guard, ceilings = work.guard, work.ceilings
    third = work.preflight.check(THIRD_PARTIES) if work.preflight else None
    return {
        "environment": redact(work.environment),
        "production": _production_json(work.production, moment),
        "ceilings": ceilings
        and {"users": ceilings.users, "spawn_rate": ceilings.spawn_rate, "rps": ceilings.rps},
        "emergency_stop": ceilings
        and {
            "on": ceilings.emergency,
            "seconds": ceilings.emergency_after,
            "error_rate_percent": ceilings.emergency_error_rate,
            "limit_percent": ceilings.emergency_limit,
        },
        "guard": guard
        and {
            "hosts": [
                {"host": redact(name), "addresses": [redact(one) for one in addresses]}
                for name, addresses in guard.hosts
            ],
            "refused": guard.refused,
            "refusals": [_refusal(one, moment) for one in guard.refusals],
            "not_seen": [redact(sentence) for sentence in guard.blind],
        },
        "preflight": _preflight(work.preflight, moment),
        "tls": _tls_json(work),
        "third_parties": redact(third.found) if third else None,
    }


def _production_json(
    production: ProductionResult | None, moment: Callable[[float], str]
) -> dict[str, Any] | None:
    if production is None:
        return None
    return {
        "host": redact(production.host),
        "because": redact(production.because),
        "confirmed": None if production.at is None else moment(production.at),
        "how": redact(production.how),
        "name": redact(production.name),
    }


def _refusal(refusal: Refusal, moment: Callable[[float], str]) -> dict[str, Any]:
    return {
        "place": redact(refusal.place),
        "request": redact(refusal.request),
        "why": redact(refusal.why),
        "count": refusal.count,
        "first": moment(refusal.first),
        "last": moment(refusal.last),
        "worker": redact(refusal.worker) or None,
    }


def _preflight(preflight: PreflightResult | None, moment: Callable[[float], str]) -> dict[str, Any] | None:
    if preflight is None:
        return None
    checks = []
    for check in preflight.checks:
        told = {name: redact(getattr(check, name)) for name in CheckResult.__slots__}
        checks.append(told | {"went_on": went_on(check, preflight)})
    return {
        "at": None if preflight.at is None else moment(preflight.at),
        "seconds": round(preflight.seconds, 3),
        "counts": preflight.counts,
        "went_on": [redact(name) for name in preflight.went_on],
        "mended": [redact(name) for name in preflight.mended],
        "checks": checks,
    }


def _tls_json(work: Groundwork) -> dict[str, str | None] | None:
    facts = _facts(work)
    if not facts and not work.tls_in_production:
        return None
    told = {
        name: redact(_value(facts, f"tls.{name}")) or None for name in ("ends", "protocol", "certificate")
    }
    return {**told, "in_production": redact(work.tls_in_production) or None}
