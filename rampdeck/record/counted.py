"""What the record says of the second count: sent by us, seen by Nginx, and what we cut off ourselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rampdeck.gate.words import NOTHING
from rampdeck.reconcile import Counts, Reconciled
from rampdeck.record.gfm import prose
from rampdeck.record.result import Finding

_HEAD = ("Step", "Requests", "Redirects", "Cut off", "Sent", "Nginx saw", "Difference", "Explained up to", "")
_NOTE = (
    "Nginx's access log beside our own count, each step from its change of the target to the next one. "
    "Explained are what was in flight when the step began and ended, lines of those seconds, what got no "
    "answer and what was cut off."
)
_FEWER = (
    "Requests that never reached Nginx, locations that it does not log (access_log off), or requests to "
    "another host; error texts and Nginx's configuration tell which"
)
_MORE = (
    "Somebody else uses this server, a health check asks often, the scenario asks past Locust's client, or "
    "two of these Nginx stand behind one another"
)

Table = Callable[[tuple[str, ...], list[tuple[str, ...]], int], str]


def section(counts: Counts, table: Table) -> str:
    """Return the section of the Markdown record; empty where there is nothing to say."""
    parts = [_cut(step, count) for step, count in counts.cut]
    if counts.closed:
        own = f"{number(counts.closed)} of Nginx's 499s come from these"
        parts.append(f"{own}: they count neither as a finding nor against a threshold.")
    if counts.whole is not None or counts.steps:
        rows = [_row(one) for one in (*counts.steps, *([counts.whole] if counts.whole else []))]
        parts += [_NOTE, table(_HEAD, rows, 1)]
    return "\n\n".join(parts)


def mismatches(counts: Counts) -> Iterator[Finding]:
    """Yield a finding for each level, or else the whole run, whose counts differ beyond what is explained."""
    differing = [step for step in counts.steps if step.explained is False]
    if not differing and counts.whole is not None and counts.whole.explained is False:
        differing = [counts.whole]
    for one in differing:
        fewer = one.difference < 0
        where = f"step {one.step}" if one.step else "the whole run"
        text = (
            f"Nginx saw {number(abs(one.difference))} requests {'fewer' if fewer else 'more'} than were sent "
            f"in {where}"
        )
        explained = f"up to {number(one.fewer if fewer else one.more)} would be explained"
        evidence = (f"sent {number(one.sent.total)}, seen {number(one.seen)}; {explained}",)
        yield Finding("nginx", "warning" if fewer else "notice", text, evidence, _FEWER if fewer else _MORE)


def of_step(counts: Counts, step: int) -> dict[str, Any]:
    """Return the keys that a step of the JSON record gains."""
    found = next((one for one in counts.steps if one.step == step), None)
    return {"cut_off": dict(counts.cut).get(step, 0), "reconciled": found and _json(found)}


def of_run(counts: Counts) -> dict[str, Any]:
    """Return the keys that the JSON record itself gains."""
    return {
        "cut_off": sum(count for _, count in counts.cut),
        "nginx_499_ours": counts.closed,
        "reconciled": counts.whole and _json(counts.whole),
    }


def number(count: int) -> str:
    """Return a count with its thousands apart."""
    return f"{count:,}".replace(",", " ")


def _cut(step: int, count: int) -> str:
    if count == 1:
        return (
            f"1 request was cut off by us at the end of step {step}; it is in no figure and does not count "
            "against the gate."
        )
    return (
        f"{number(count)} requests were cut off by us at the end of step {step}; they are in no figure and "
        "do not count against the gate."
    )


def _row(one: Reconciled) -> tuple[str, ...]:
    sent = one.sent
    sign = "+" if one.difference > 0 else ""
    limit = one.fewer if one.difference < 0 else one.more
    said = {True: "agrees", False: "**differs**", None: f"not compared: {prose(one.unknown)}"}[one.explained]
    return (
        str(one.step) if one.step else "all",
        number(sent.requests + sent.unreported),
        NOTHING if sent.unclocked else number(sent.redirects),
        number(sent.killed),
        NOTHING if sent.unclocked else number(sent.total),
        number(one.seen),
        NOTHING if sent.unclocked else f"{sign}{number(one.difference)}",
        NOTHING if one.unknown else number(limit),
        said,
    )


def _json(one: Reconciled) -> dict[str, Any]:
    sent = one.sent
    known = not sent.unclocked
    return {
        "sent": sent.total if known else None,
        "requests": sent.requests,
        "redirects": sent.redirects if known else None,
        "killed": sent.killed,
        "unreported": sent.unreported,
        "unanswered": sent.unanswered if known else None,
        "seen": one.seen,
        "difference": one.difference if known else None,
        "fewer_allowed": one.fewer if not one.unknown else None,
        "more_allowed": one.more if not one.unknown else None,
        "explained": one.explained,
        "unknown": one.unknown or None,
    }
