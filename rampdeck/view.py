"""How a source's pane looks, as data.

A collector says what it has to show; only ``tui/`` knows how to draw it. So a
new collector is one file and needs no widget of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a number counts; decides how it is written."""

    COUNT = ""
    PERCENT = "%"
    MILLISECONDS = "ms"
    SECONDS = "s"
    BYTES = "B"
    PER_SECOND = "/s"
    BYTES_PER_SECOND = "B/s"
    TEXT = "text"  #: a table cell that is no number


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that a source gives at every reading.

    ``name`` without the kind; with it (``postgres.connections``) it is also
    the name in a threshold. ``most`` names the metric that is its most (``usable``
    for ``connections``): a threshold in per cent is of that.
    """

    name: str
    unit: Unit
    help: str
    most: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric as a pane shows it: ``label value`` or ``label value/limit``.

    ``limit`` names the metric that is its most (connections against
    max_connections). ``warn`` and ``bad`` colour the figure from that value
    on; with a ``limit`` they are shares of it, 0 to 1. ``spark`` adds a trend.
    """

    metric: str
    label: str
    limit: str = ""
    warn: float | None = None
    bad: float | None = None
    spark: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; ``width`` 0 takes what is left."""

    key: str
    title: str
    unit: Unit = Unit.TEXT
    width: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """One of the tables of a pane, which shows one at a time.

    A row of a sample says in ``"_table"`` by its ``key`` which one it belongs
    to; one that does not say belongs to the first. With ``per_host`` every
    source of the kind is one row, its cells taken from the sample's values.

    ``kept`` rows stay until a sample has others: what is too dear to read at every
    reading. Rows of a table that is ``per_step`` tell of one load level, by its
    number in ``"_step"`` (0: of none); the last ones of each stand in the record.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    per_host: bool = False
    kept: bool = False
    per_step: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a key does with the row under the cursor, in each of ``tables`` (their keys).

    The collector does it (:class:`rampdeck.collector.Actor`) and answers with a
    text. ``question`` is asked before, where it is not harmless.
    """

    name: str
    key: str
    label: str
    help: str
    tables: tuple[str, ...]
    question: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A pane: lines of figures on top, then one of its tables, then a log; each may be empty."""

    title: str
    figures: tuple[tuple[Figure, ...], ...] = ()
    tables: tuple[Table, ...] = ()
    log: bool = False
    actions: tuple[Action, ...] = ()
