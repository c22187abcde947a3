"""The result as Markdown that reads well in a pull request and in a terminal.

First what matters: the verdict, why, who decided, the thresholds, the levels, what
broke first, whether to trust it. Long tables are folded. What others wrote
(request names, error texts, output of commands) stands in code spans, where
neither markup nor a mention does anything; what the operator wrote is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.levels.knee import Knee
from rampdeck.record import before, counted, facttable, logs, settings, tables, thresholds
from rampdeck.record.gfm import MOST_SAID, bullets, code, details, prose, section, table
from rampdeck.record.json import to_json
from rampdeck.record.mdload import errors, levels, requests, spread_levels, spread_requests
from rampdeck.record.mdtrust import lines, sources, trust
from rampdeck.record.result import Finding, Result
from rampdeck.record.seal import digest
from rampdeck.record.words import CUT_OFF, clock, decided, heading, span
from rampdeck.record.words import date as date

__all__ = ["date", "markdown"]


def markdown(result: Result) -> str:
    """Return the whole record."""
    parts = (
        f"# {heading(result)}: {prose(result.title) or 'untitled'}",
        _verdict(result),
        section("Thresholds", thresholds.section(result.thresholds) or "None were given."),
        section("Load levels", levels(result)),
        section("What broke first", _findings(result)),
        section("Can this run be trusted?", trust(result)),
        section(before.TITLE, before.section(result.groundwork)),
        section("Capacity", _capacity(result.knee)),
        section("Pace", bullets(prose(sentence, MOST_SAID) for sentence in result.pacing)),
        section("Requests", requests(result)),
        section("Worst errors", errors(result)),
        section("What the logs said", logs.section(result.logs, table, code, words=prose)),
        section("Release", _fields(result)),
        section("Facts", facttable.section(result.facts)),
        section("In detail", _detail(result)),
        _foot(result),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(result: Result) -> str:
    parts = (
        f"**{result.result.value}** {span(result)}, against {code(result.host)}.",
        "Written while the load was still going on." if result.running else "",
        f"**{CUT_OFF}**" if result.cut_off else "",
        bullets(prose(reason, MOST_SAID) for reason in result.reasons),
        _decision(result),
        _warnings(result),
    )
    return "\n\n".join(part for part in parts if part)


def _decision(result: Result) -> str:
    if (decision := result.decision) is None:
        return ""
    name = prose(decision.name) or "somebody"
    said = f"Decided: **{decision.verdict.value}** by {name} {decided(decision, result.result)}."
    return f"{said}\n\n> {prose(decision.note, MOST_SAID)}" if decision.note else said


def _warnings(result: Result) -> str:
    if not result.warnings:
        return ""
    told = bullets(prose(warning, MOST_SAID) for warning in result.warnings)
    return f"Warnings, which weigh nothing in the verdict:\n\n{told}"


def _findings(result: Result) -> str:
    if not result.findings:
        return "Nothing was found."
    numbered = (_finding(place, finding) for place, finding in enumerate(result.findings, 1))
    return "The worst first, and among these what came first.\n\n" + "\n".join(
        line for told in numbered for line in told
    )


def _finding(place: int, finding: Finding) -> Iterator[str]:
    since = "" if finding.since is None else clock(finding.since)
    first = f" (first at {since} UTC)" if since and since not in " ".join(finding.evidence) else ""
    yield f"{place}. **{prose(finding.layer)}**, {prose(finding.severity)}: {prose(finding.text)}{first}"
    indent = " " * len(f"{place}. ")
    yield from (f"{indent}- {code(piece)}" for piece in finding.evidence)
    if finding.advice:
        yield f"{indent}- What to do: {prose(finding.advice)}"


def _capacity(knee: Knee | None) -> str:
    if knee is None:
        return ""
    left_out = bullets(prose(sentence) for sentence in knee.left_out)
    parts = (
        prose(knee.sentence),
        f"Auto-step: {prose(knee.climb)}." if knee.climb else "",
        prose(knee.method),
        left_out and f"Left out:\n\n{left_out}",
    )
    return "\n\n".join(part for part in parts if part)


def _fields(result: Result) -> str:
    return bullets(
        f"**{name}**: {prose(text) or 'not given'}" for name, text in result.record.named().items()
    )


def _detail(result: Result) -> str:
    """Return what few read, folded."""
    parts = (
        details("Every percentile of the load levels", spread_levels(result)),
        details("Every percentile of the requests", spread_requests(result)),
        details("Counted twice: by us and by Nginx", counted.section(result.counts, table)),
        details("Behind the load levels", tables.section(result.tables, table, code)),
        details("Sources", sources(result)),
        details("Lines of the logs", lines(result.sources)),
        settings.section(result.settings),
    )
    return "\n\n".join(part for part in parts if part)


def _foot(result: Result) -> str:
    told = [f"Rampdeck {prose(result.version)}."] if result.version else []
    if result.session is not None:
        told.append(f"Session: {code(str(result.session))}.")
    if result.session_sha256:
        told.append(f"Its sha256: {code(result.session_sha256)}.")
        told.append(f"That of {code('record.json')}: {code(digest(to_json(result)))}.")
        told.append("`rampdeck report --verify` tells whether both are what the run left.")
    return "---\n\n" + "\n".join(told) if told else ""
