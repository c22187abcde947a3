"""One thing that must hold, as it was read; :mod:`rampdeck.gate.grammar` says how it is written."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from rampdeck.model import SourceInfo
from rampdeck.view import Unit

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
WORDS = ("over", "for", "at", "abort", "after", "warn")
"""The words that may follow a limit; a stage of such a name goes into quotes."""
_BARE = re.compile(r"""[^\s"'{},\\]+""")


class Kind(Enum):
    """What a metric is, and so how it is judged."""

    TIME = auto()  #: a response time; needs enough requests
    SHARE = auto()  #: a share of requests, in per cent; needs enough requests
    RATE = auto()  #: requests a second; needs enough seconds
    COUNT = auto()  #: adds up over all load levels
    SOURCE = auto()  #: what a source tells of itself at every reading, in its own unit


@dataclass(frozen=True, slots=True)
class Threshold:
    """One thing that must hold; ``limit`` and every value are in ``unit``.

    ``metric`` is ``percentile`` for all of them, with ``percent``; with a dot in
    it, it is a metric of a source (``postgres.connections``). An empty
    ``name`` or ``method`` stands for any; ``labels`` are those of a source
    (``host``, ``label``).

    ``over``: seconds of a sliding window that takes the place of the load level.
    ``patience``: seconds that it must be broken on end before that counts (``for``).
    ``stage``: it is looked at in this stage only (``at``). ``abort``: a breach
    stops the load, if it lasts for ``grace`` seconds. ``warns``: it never
    changes a verdict. ``of``: the metric of the same sample that a limit in per
    cent is of (``usable``).

    Two that say the same are equal, however they are written.
    """

    expression: str = field(compare=False)
    metric: str
    kind: Kind
    operator: str
    limit: float
    unit: Unit
    percent: float = 0.0
    name: str = ""
    method: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    over: float | None = None
    patience: float = 0.0
    stage: str = ""
    abort: bool = False
    grace: float = 0.0
    warns: bool = False
    of: str = ""

    def __str__(self) -> str:
        """Write it as it is written best; read again, it is the same."""
        selected = {"name": self.name, "method": self.method, **dict(self.labels)}
        labels = ", ".join(f"{key}={_text(text)}" for key, text in selected.items() if text)
        parts = [
            f"{self._measured}{{{labels}}}" if labels else self._measured,
            self.operator,
            plain(self.limit) + self.unit.value,
        ]
        parts += [f"over {plain(self.over)}s"] if self.over else []
        parts += [f"for {plain(self.patience)}s"] if self.patience else []
        parts += [f"at {_text(self.stage)}"] if self.stage else []
        parts += ["abort"] if self.abort else []
        parts += [f"after {plain(self.grace)}s"] if self.grace else []
        parts += ["warn"] if self.warns else []
        return " ".join(parts)

    @property
    def label(self) -> str:
        """Return what is judged, in few characters: ``p95 GET /dashboard/``."""
        parts = [self.metric if self.kind is Kind.SOURCE else self._measured.replace("_", " ")]
        parts += [part for part in (self.method, self.name, *dict(self.labels).values()) if part]
        parts += [f"over {plain(self.over)}s"] if self.over else []
        parts += [f"at {self.stage}"] if self.stage else []
        return " ".join(parts)

    @property
    def _measured(self) -> str:
        return f"p{plain(self.percent)}" if self.metric == "percentile" else self.metric

    def holds(self, value: float) -> bool:
        """Return whether a value keeps to the limit."""
        return OPERATORS[self.operator](value, self.limit)

    def badness(self, value: float) -> float:
        """Return a number that is the higher, the worse the value is."""
        match self.operator:
            case "<" | "<=":
                return value
            case ">" | ">=":
                return -value
            case "==":
                return abs(value - self.limit)
            case _:
                return -abs(value - self.limit)


def label_of(source: SourceInfo, key: str) -> str:
    """Return a source's ``host``, or its ``label``: what stands in its name between the kind and the host."""
    if key == "host":
        return source.host
    return source.name.removeprefix(source.kind).removesuffix(f"@{source.host}").removeprefix(":")


def plain(number: float) -> str:
    """Return a number as a person would have written it, without an exponent."""
    text = format(Decimal(repr(float(number))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(text: str) -> str:
    """Return a name as it is, or in quotes where it would not be read as one."""
    if _BARE.fullmatch(text) and text not in WORDS:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
