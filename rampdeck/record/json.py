"""The result as JSON, for pipelines.

Keys are only ever added within a ``schema``; ``record.schema.json`` says what each
is (:func:`schema`). Times are ISO 8601 in UTC,
response times ms, ``error_rate`` a share of 0 to 1; the ``value`` and ``limit``
of a threshold are in its ``unit``. ``null`` is no data. ``clock`` says whose
times a part has: ``wire`` (stamped by the kernel), ``locust``, or ``mixed``, of
which ``stamped`` are wire times. Names of requests and sources stand as they
are, whatever characters they hold; secrets are taken out.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rampdeck.levels.knee import Knee
from rampdeck.model import Instant
from rampdeck.record import before, clocks, counted, facttable, logs, settings
from rampdeck.record.result import (
    Decision,
    ErrorResult,
    Finding,
    GapResult,
    GeneratorResult,
    Measured,
    Result,
    SourceResult,
    StepResult,
    TableResult,
    parts,
)
from rampdeck.record.seal import seal
from rampdeck.secrets import redact
from rampdeck.snapshot import Coverage, Spread, Spreads, ThresholdView

SCHEMA = 1
_DIGITS = {"rps": 3, "error_rate": 6}


def to_json(result: Result) -> dict[str, Any]:
    """Return the result as JSON's own types."""
    return {
        "schema": SCHEMA,
        "rampdeck": result.version,
        "result": result.result.value,
        "reasons": [redact(reason) for reason in result.reasons],
        "decision": _decision(result.decision),
        "title": redact(result.title),
        "host": redact(result.host),
        "began": _moment(result.began),
        "ended": _moment(result.ended),
        "running": result.running,
        "users": result.users,
        "total": _figures(result.total),
        "thresholds": [_threshold(view) for view in result.thresholds],
        "steps": [_step(step) | counted.of_step(result.counts, step.number) for step in result.steps],
        "requests": [
            {"method": request.method, "name": redact(request.name), **_figures(request)}
            for request in result.requests
        ],
        "errors": [_error(error) for error in result.errors],
        "errors_left_out": result.errors_left_out,
        **counted.of_run(result.counts),
        "sources": [_source(source) for source in result.sources],
        "tables": [_table(table) for table in result.tables],
        "logs": [logs.of_source(one) for one in result.logs],
        "clocks": [clocks.to_json(clock, _moment) for clock in result.clocks],
        "doubts": [redact(doubt) for doubt in result.doubts],
        "warnings": [redact(warning) for warning in result.warnings],
        "coverage": [_coverage(one) for one in result.coverage],
        "findings": [_finding(finding) for finding in result.findings],
        "generator": _generator(result.generator),
        "knee": _knee(result.knee),
        "pacing": [redact(sentence) for sentence in result.pacing],
        "facts": [facttable.to_json(pair) for pair in result.facts],
        "before_the_load": before.to_json(result.groundwork, _utc),
        **settings.to_json(result.settings),
        "record": {name: redact(text) for name, text in result.record.named().items()},
        "session": str(result.session) if result.session else None,
        "session_sha256": result.session_sha256 or None,
        "session_cut_off": result.cut_off,
    }


def dumps(result: Result) -> str:
    """Return the result as a JSON document."""
    document = to_json(result)
    # What was written before the session was closed is no last word.
    return json.dumps(seal(document) if result.session_sha256 else document, indent=2, allow_nan=False) + "\n"


def schema() -> str:
    """Return the JSON Schema (draft 2020-12) of the document."""
    return Path(__file__).with_name("record.schema.json").read_text(encoding="utf-8")


def _decision(decision: Decision | None) -> dict[str, Any] | None:
    if decision is None:
        return None
    return {
        "at": _moment(decision.at),
        "verdict": decision.verdict.value,
        "computed": decision.computed.value,
        "overruled": decision.overruled,
        "name": redact(decision.name),
        "note": redact(decision.note),
    }


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "number": step.number,
        "stage": redact(step.stage),
        "users": step.users,
        "spawn_rate": _number(step.spawn_rate, 3),
        "cause": step.cause,
        "began": _moment(step.began),
        "warmup": step.warmup,
        "measured": step.measured,
        "verdict": step.verdict.value,
        "marks": [redact(mark) for mark in step.marks],
        "asked": _number(step.asked, 3),
        "achieved": _number(step.achieved, 3),
        "thresholds": [_threshold(view) for view in step.thresholds],
        **_figures(step),
    }


def _error(error: ErrorResult) -> dict[str, Any]:
    return {
        "method": error.method,
        "name": redact(error.name),
        "text": redact(error.text),
        "count": error.count,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "layer": finding.layer,
        "severity": finding.severity,
        "text": redact(finding.text),
        "evidence": [redact(piece) for piece in finding.evidence],
        "advice": redact(finding.advice),
        "first": None if finding.since is None else _utc(finding.since),
    }


def _generator(generator: GeneratorResult) -> dict[str, Any]:
    return {
        "cpu_percent": _number(generator.cpu_percent, 1),
        "lag_p99_ms": _number(generator.lag_p99_ms, 3),
        "lag_max_ms": _number(generator.lag_max_ms, 3),
        "delay_p95_ms": _number(generator.delay_p95_ms, 3),
        "memory_percent": _number(generator.memory_percent, 1),
    }


def _coverage(one: Coverage) -> dict[str, Any]:
    return {"source": one.source, "measured": _number(one.measured, 3), "seen": _number(one.seen, 3)}


def _knee(knee: Knee | None) -> dict[str, Any] | None:
    if knee is None:
        return None
    capacity, recovery = knee.capacity, knee.recovery
    bounds = (capacity.low, capacity.best, capacity.high) if capacity else ()
    return {
        "low": knee.low,
        "high": knee.high,
        "sign": knee.sign,
        "unsure": list(knee.unsure),
        "capacity_rps": [_number(rate, 3) for rate in bounds] or None,
        "passed": knee.passed,
        "failed": knee.failed,
        "target": knee.target.users if knee.target else None,
        "headroom": knee.headroom,
        "recovery": asdict(recovery) if recovery else None,
        "levels": knee.levels,
        "left_out": [redact(sentence) for sentence in knee.left_out],
        "reason": knee.reason,
        "auto_step": knee.climb,
        "sentence": knee.sentence,
        "method": knee.method,
    }


def _source(source: SourceResult) -> dict[str, Any]:
    return {
        "name": source.name,
        "host": source.host,
        "state": source.state,
        "reason": redact(source.reason),
        "samples": source.samples,
        "events": source.events,
        "gaps": source.gap_count,
        "blind": [_gap(gap) for gap in source.gaps],
        "lines": asdict(source.lines) if source.lines else None,
    }


def _table(table: TableResult) -> dict[str, Any]:
    """Return the rows of a load level; what begins with an underscore is for the screen only."""
    rows = [
        {
            key: redact(value) if isinstance(value, str) else _number(value, 3)
            for key, value in row.items()
            if not key.startswith("_")
        }
        for row in table.rows
    ]
    return {"step": table.step, "source": table.source, "table": table.table, "rows": rows}


def _threshold(view: ThresholdView) -> dict[str, Any]:
    return {
        "expression": redact(view.expression),
        "label": redact(view.label),
        "operator": view.operator,
        "limit": _number(view.limit, 6),
        "unit": view.unit.value,
        "value": _number(view.value, 6),
        "state": view.state.value,
        "failed": view.failed,
        "first_breach": _moment(view.first_breach),
        "samples": view.samples,
        "worst": _number(view.worst, 6),
        "where": redact(view.where) or None,
        "longest_breach": _number(view.longest, 3),
        "breaches": view.breaches,
        "margin": _number(view.margin, 6),
        "warns": view.warns,
    }


def _figures(measured: Measured) -> dict[str, Any]:
    figures = {name: _number(value, _DIGITS.get(name, 3)) for name, value in parts(measured).items()}
    spreads = {clock.name: _spread(getattr(measured.spreads, clock.name)) for clock in fields(Spreads)}
    return {**figures, "clock": measured.clock, "percentiles": spreads}


def _spread(spread: Spread) -> dict[str, float | None]:
    numbers = {one.name: _number(getattr(spread, one.name), 3) for one in fields(Spread)}
    return {"max" if name == "highest" else name: number for name, number in numbers.items()}


def _number(value: float | None, digits: int) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else round(value, digits)


def _gap(gap: GapResult) -> dict[str, str | None]:
    until = None if gap.until is None else _utc(gap.until)
    return {"from": _utc(gap.begin), "until": until, "why": gap.why or None}


def _moment(instant: Instant | None) -> str | None:
    return None if instant is None else _utc(instant.utc)


def _utc(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
