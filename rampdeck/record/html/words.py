"""Text, cells and tables as HTML; what others wrote is cleaned, redacted and escaped here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from rampdeck import format as fmt
from rampdeck.secrets import redact
from rampdeck.snapshot import Verdict
from rampdeck.text import clean

NOTHING = fmt.NOTHING
GLYPHS = {
    Verdict.PASS.value: "●", "pass": "●", "live": "●", "agrees": "●",
    Verdict.FAIL.value: "✖", "fail": "✖", "critical": "✖", "error": "✖", "blind": "✖",
    Verdict.INCONCLUSIVE.value: "▲", "warn": "▲", "warning": "▲", "changed": "▲", "connecting": "▲",
    "unknown": "○", "notice": "○", "absent": "○", "info": "○",
}  # fmt: skip
"""The sign of a state, which never stands by its colour alone."""
_MOST = 500


@dataclass(frozen=True, slots=True)
class Number:
    """A cell to be sorted by its value, not by how it is written."""

    shown: str
    value: float | None


Cell = str | Number


def text(raw: str, most: int = _MOST) -> str:
    """Return somebody's text as one line that is no markup and holds no secret."""
    return escape(redact(clean(raw, most)))


def code(raw: str) -> str:
    """Return text as code; a dash for none."""
    return f"<code>{text(raw)}</code>" if raw.strip() else NOTHING


def tag(state: str, words: str = "") -> str:
    """Return a state with its sign; ``words`` are HTML."""
    kind = state if state in GLYPHS else "unknown"
    sign = f'<span aria-hidden="true">{GLYPHS[kind]}</span>'
    return f'<span class="tag {kind}">{sign} {words or text(state)}</span>'


def note(words: str) -> str:
    """Return a remark under a table."""
    return f'<p class="muted small">{words}</p>'


def items(lines: Iterable[str], kind: str = "ul") -> str:
    """Return a list of pieces of HTML; nothing without any."""
    found = "".join(f"<li>{line}</li>" for line in lines)
    return f"<{kind}>{found}</{kind}>" if found else ""


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    left: int = 1,
    wide: int | Collection[int] = (),
    *,
    sort: bool = False,
) -> str:
    """Return a table of cells that are HTML already.

    The first ``left`` columns stand left; ``wide`` are those that may wrap; a last row
    that begins with ``all`` is told apart. ``sort``: a reader may sort it.
    """
    wrapping = (wide,) if isinstance(wide, int) else wide

    def side(column: int) -> str:
        names = " ".join(("left",) * (column < left) + ("wide",) * (column in wrapping))
        return f' class="{names}"' if names else ""

    heads = "".join(f'<th scope="col"{side(place)}>{cell}</th>' for place, cell in enumerate(head))
    body, foot = [], ""
    for row in rows:
        cells = "".join(_cell(cell, side(place)) for place, cell in enumerate(row))
        if row[0] == "all":
            foot = f'<tfoot><tr class="all">{cells}</tr></tfoot>'
        else:
            body.append(f"<tr>{cells}</tr>")
    mark = " data-sort" if sort and len(body) > 1 else ""
    return (
        f'<div class="scroll" tabindex="0"><table{mark}><thead><tr>{heads}</tr></thead>\n<tbody>'
        + "\n".join(body)
        + f"</tbody>{foot}</table></div>"
    )


def ms(time: float | None) -> str:
    """Return a time of milliseconds, with a tenth below a hundred."""
    return f"{time:.1f}" if time is not None and time < 99.95 else fmt.milliseconds(time)


def _cell(cell: Cell, side: str) -> str:
    if isinstance(cell, Number):
        value = "" if cell.value is None else f"{cell.value:.6g}"
        return f'<td data-v="{value}"{side}>{cell.shown}</td>'
    return f"<td{side}>{cell}</td>"
