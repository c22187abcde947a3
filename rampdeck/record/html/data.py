"""What the charts are drawn from, as JSON that cannot break out of the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rampdeck.record.charts import Chart, Curve, Lane
from rampdeck.record.timeline import Timeline
from rampdeck.record.track import Values


def data(line: Timeline, charts: Sequence[Chart], lanes: Sequence[Lane]) -> str:
    """Return all of it, for a ``<script type="application/json">``.

    Times are seconds since ``began`` (UTC seconds), values rounded to four
    digits: more than a screen can show, and a third of the size.
    """
    written = json.dumps(
        {
            "began": round(line.began, 3),
            "width": line.width,
            "count": line.count,
            "charts": [_chart(chart) for chart in charts],
            "lanes": [_lane(lane, line.began) for lane in lanes],
        },
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "key": chart.key,
        "title": chart.title,
        "unit": chart.unit,
        "kind": chart.kind,
        "limits": [{"value": limit.value, "text": limit.text} for limit in chart.limits],
        "lines": [_curve(curve) for curve in chart.curves],
    }


def _curve(curve: Curve) -> dict[str, Any]:
    line = curve.line
    wide = {"lo": rounded(line.lows), "hi": rounded(line.highs)} if line.lows else {}
    return {"name": curve.name, "tone": curve.tone, "on": curve.on, "v": rounded(line.values)} | wide


def rounded(values: Values) -> list[float | int | None]:
    """Return values with four digits that count; whole ones without a point."""
    found: list[float | int | None] = []
    for value in values:
        if value is None:
            found.append(None)
            continue
        short = float(f"{value:.4g}") if abs(value) < 10_000 else round(value)
        found.append(int(short) if short == int(short) else short)
    return found


def _lane(lane: Lane, began: float) -> dict[str, Any]:
    def since(utc: float | None) -> float | None:
        return None if utc is None else round(utc - began, 1)

    return {
        "sort": lane.sort,
        "name": lane.name,
        "spans": [
            {
                "from": since(span.begin),
                "to": since(span.until),
                "text": span.text,
                "state": span.state,
                "measured": since(span.measured),
            }
            for span in lane.spans
        ],
    }
