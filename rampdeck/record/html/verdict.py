"""The head of the page: the verdict, its reasons, what a person decided, and the figures that matter most."""

from __future__ import annotations

from datetime import UTC

from rampdeck import format as fmt
from rampdeck.gate.words import told
from rampdeck.record.html.words import GLYPHS, code, items, ms, text
from rampdeck.record.result import Result
from rampdeck.record.words import date, length
from rampdeck.snapshot import ThresholdState, Verdict
from rampdeck.view import Unit


def verdict(result: Result) -> str:
    """Return the head."""
    word = result.result.value
    title = text(result.title) or "untitled"
    running = '<p class="banner">▲ Written while the load was still going on.</p>' if result.running else ""
    cut = (
        '<p class="banner">▲ The session file ends before the session did: what is here is up to there.</p>'
        if result.cut_off
        else ""
    )
    reasons = items(text(reason) for reason in result.reasons) or _held(result)
    return (
        f'<header class="verdict {word}" id="verdict"><div class="word">'
        f'<span class="stamp {word}"><span aria-hidden="true">{GLYPHS[word]}</span> {word}</span>'
        f'<div><h1>{title}</h1><p class="muted">{_span(result)} against {code(result.host)}</p></div></div>'
        f"{_decision(result)}{running}{cut}"
        + (f'<div class="reasons">{reasons}</div>' if reasons else "")
        + _tiles(result)
        + _warnings(result)
        + "</header>"
    )


def _held(result: Result) -> str:
    """Return what a PASS, which needs no reasons, stands on."""
    judged = [view for view in result.thresholds if not view.warns]
    if result.result is not Verdict.PASS or not judged:
        return ""
    held = sum(view.state in (ThresholdState.PASS, ThresholdState.WARN) for view in judged)
    some = (
        "Every threshold"
        if held == len(judged)
        else f"{fmt.count(held)} of {fmt.count(len(judged))} thresholds"
    )
    return f"<p>{some} held, and nothing speaks against the run.</p>"


def _span(result: Result) -> str:
    if result.began is None:
        return "No load"
    span = length(result.ended.mono - result.began.mono)
    users = f"{fmt.count(result.users)} user{'s' * (result.users != 1)}"
    return f"{span} from {date(result.began)}, at most {users},"


def _decision(result: Result) -> str:
    """Return what a person decided, apart from what is computed: now, and when they decided."""
    if (decision := result.decision) is None:
        return ""
    word, overruled = decision.verdict.value, decision.verdict is not result.result
    how = f"overruling the computed {result.result.value}" if overruled else "as computed"
    if decision.computed is not result.result:
        how += f" (it was {decision.computed.value} when this was decided)"
    when = f"{date(decision.at)[:10]} {fmt.clock(decision.at.utc, UTC)} UTC"
    said = f"<q>{text(decision.note)}</q>" if decision.note.strip() else ""
    kind = " overruled" if overruled else ""
    return (
        f'<p class="decision{kind}"><span class="tag {word}"><span aria-hidden="true">{GLYPHS[word]}</span> '
        f"{word}</span> decided by <b>{text(decision.name) or 'somebody'}</b>, {how}, {when} {said}</p>"
    )


def _tiles(result: Result) -> str:
    total = result.total
    tiles = {
        "Requests": (fmt.count(total.requests), ""),
        "Requests/s": (fmt.rate(total.rps), ""),
        "Errors": (fmt.share(total.error_rate), "%"),
        "p50": (ms(total.p50), "ms"),
        "p95": (ms(total.p95), "ms"),
        "p99": (ms(total.p99), "ms"),
        "Longest": (ms(total.highest), "ms"),
        "Users, most": (fmt.count(result.users), ""),
    }
    if total.delay_p95 is not None:
        tiles["Generator, p95"] = ("+" + ms(total.delay_p95), "ms")
    figures = "".join(
        f"<div><dt>{name}</dt><dd>{value}{_unit(value, unit)}</dd></div>"
        for name, (value, unit) in tiles.items()
    )
    knee = f'<p class="capacity"><b>Capacity.</b> {text(result.knee.sentence)}</p>' if result.knee else ""
    return f'<dl class="tiles">{figures}</dl>{knee}'


def _unit(value: str, unit: str) -> str:
    return f" <small>{unit}</small>" if unit and not value.endswith(fmt.NOTHING) else ""


def _warnings(result: Result) -> str:
    if not result.warnings:
        return ""
    told_of = items(
        f'<span class="warn" aria-hidden="true">▲</span> {text(line)}' for line in result.warnings
    )
    return f'<div class="warnings"><h3>Warnings, which weigh nothing in the verdict</h3>{told_of}</div>'


def generator(result: Result) -> str:
    """Return how this machine fared, as a sentence."""
    seen = result.generator
    return (
        f"Generator: CPU at most {told(seen.cpu_percent, Unit.PERCENT)}, "
        f"loop lag p99 at most {told(seen.lag_p99_ms, Unit.MILLISECONDS)}, "
        f"max {told(seen.lag_max_ms, Unit.MILLISECONDS)}."
    )
