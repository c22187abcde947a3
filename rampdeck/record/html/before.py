"""What the page says of the time before the load, in the words of :mod:`rampdeck.record.before`."""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.record import before
from rampdeck.record.groundwork import CheckResult, Groundwork, PreflightResult
from rampdeck.record.html.words import Cell, Number, code, items, note, table, tag, text
from rampdeck.record.words import number

_KINDS = {"ok": "pass", "failed": "fail", "warning": "warn"}
_LONG = 2_000


def section(work: Groundwork | None) -> str:
    """Return the section; nothing for a session that knows nothing of it."""
    if work is None:
        return ""
    preflight = work.preflight
    state = before.state(preflight)
    told = "".join(f"<dt>{called}</dt><dd>{text(said, _LONG)}</dd>" for called, said in before.rows(work))
    more = len(preflight.not_ok) - before.MOST_CHECKS if preflight else 0
    parts = (
        f"<p>{tag(_KINDS.get(state, state), 'Preflight')} {text(before.headline(preflight))}</p>",
        items(_checks(preflight)).replace("<ul>", '<ul class="findings">', 1),
        note(f"And {number(more)} more, which are in record.json.") if more > 0 else "",
        f'<dl class="facts">{told}</dl>',
        _refusals(work),
    )
    return "\n".join(part for part in parts if part)


def _checks(preflight: PreflightResult | None) -> Iterator[str]:
    for check in before.not_ok(preflight):
        where = f' <span class="muted">at {text(check.host)}</span>' if check.host else ""
        on = " <b>and one went on</b>" if before.went_on(check, preflight) else ""
        found = f": {text(check.found, _LONG)}" if check.found else ""
        state = tag(_KINDS.get(check.state, "unknown"), before.CALLED[check.state])
        below = items(_below(check, preflight))
        yield f"{state} {code(check.name)}{where}{on}{found}{below}"


def _below(check: CheckResult, preflight: PreflightResult | None) -> Iterator[str]:
    for called, said in before.below(check, preflight):
        yield f"{called}: {code(said) if called == 'What to do' else text(said, _LONG)}"


def _refusals(work: Groundwork) -> str:
    rows: list[tuple[Cell, ...]] = [
        (
            code(one.place),
            Number(number(one.count), one.count),
            code(one.request),
            text(before.by_whom(one)),
            text(one.why),
        )
        for one in before.refusals(work)
    ]
    return table(before.REFUSALS, rows, 5, wide=4, sort=True) if rows else ""
