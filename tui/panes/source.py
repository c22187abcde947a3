"""One pane for every kind of source, drawn from its view: figures, trends, table, log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from rampdeck import format as fmt
from rampdeck.model import Event, Health
from rampdeck.snapshot import SourceView
from rampdeck.view import Unit, View

from ..drawing import Line, Span, Tone, dimmed, fit, safe, width_of, wrap
from ..logbook import Entry, Filter, Logbook
from ..signs import HEALTH, worst
from ..widgets.pane import Pane
from .figures import figure_lines, spark_lines
from .log_lines import LEVELS, WIDEST_HOST, WORDS, log_line
from .tables import Row, rows_of, table_lines

STALE = 3.0
"""Seconds without a sample after which figures are dimmed: sources are read once a second."""


class SourcePane(Pane):
    """What the sources of one kind have to say.

    ``kinds`` are the kinds of events that its log shows, the source's own unless
    others are given. A pane whose ``view`` is ``None`` has nothing configured and says
    how to change that.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", tooltip="Show only some lines of this log", id="log.filter"),
        Binding("l", "level", "Level", tooltip="Show only lines from this severity on", id="log.level"),
        Binding("f", "follow", "Follow", tooltip="Go to the newest line and stay there", id="log.follow"),
        Binding("enter", "unfold", "Open", tooltip="Open a line whole", show=False, id="log.open"),
    ]
    LOG_ACTIONS = frozenset({"filter", "level", "follow", "unfold"})

    class FilterWanted(Message):
        """The operator wants to filter this pane's log."""

        def __init__(self, pane: SourcePane) -> None:
            super().__init__()
            self.pane = pane

    class EntryOpened(Message):
        """The operator wants to read an entry whole."""

        def __init__(self, entry: Entry) -> None:
            super().__init__()
            self.entry = entry

    def __init__(
        self,
        number: int,
        heading: str,
        kind: str,
        view: View | None,
        units: Mapping[str, Unit],
        *,
        kinds: Collection[str] = (),
    ) -> None:
        super().__init__(number, view.title if view else heading, id=kind)
        self.kind = kind
        self.view = view
        self.units = units
        self.kinds = tuple(kinds) or (kind,)
        self.book = Logbook()
        self.cursor = 0
        """Where the session's events are read on."""
        self._own_source = not kinds
        self._top = 0
        self._log_area = (0, 0)
        self.help = _help(view)

    @property
    def sources(self) -> list[SourceView]:
        """The sources of this kind."""
        return [source for source in self.snapshot.sources if source.info.kind == self.kind]

    @property
    def health(self) -> Health:
        """The worst of the sources and their rows."""
        if not self._own_source:
            return Health.LIVE
        sources = self.sources
        found = [source.health for source in sources]
        found += [row.health for row in self._rows(sources) if row.health]
        return worst(found)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer a log's keys only where there is a log."""
        if action in self.LOG_ACTIONS:
            return self.view is not None and self.view.log
        return True

    def add(self, events: Iterable[Event]) -> None:
        """Take new log lines; draws if there were any."""
        if self.book.add(events):
            self.redraw()

    # What it looks like.

    def body(self, width: int, height: int) -> list[Line]:
        """Return reasons, figures, trends, table and log, as far as they fit."""
        view, sources = self.view, self.sources
        self._log_area = (0, 0)
        if view is None or (self._own_source and not sources):
            hint = f'no {self.kind} source configured: add [[collectors]] kind = "{self.kind}"'
            return [((text, Tone.MUTED),) for text in wrap(hint, width, height)]
        host_width = self._host_width(sources) if len(sources) > 1 else 0
        lines = self._reasons(sources, width, height)
        lines += self._figures(view, sources, width, host_width)
        lines += self._trends(view, sources, width, height - len(lines), host_width)
        room = height - len(lines)
        if view.tables and room > 1:
            lines += self._table(view, sources, width, room, host_width)
            room = height - len(lines)
        if view.log and room > 0:
            lines += self._log(width, room, len(lines))
        return lines

    def state(self) -> Line:
        """Return the health and age of each source, and the state of the log."""
        spans: list[Span] = []
        sources = self.sources
        for source in sources[:6]:
            name = source.info.host or source.info.name
            old = source.age is not None and source.samples > 0 and source.age > STALE
            seen = f" {fmt.age(source.age)}" if old else ""
            spans += [(f"{'  ' if spans else ''}{safe(name, 24)} ", Tone.TEXT), HEALTH[source.health]]
            spans.append((seen, Tone.WARNING))
        if len(sources) > 6:
            spans.append((f"  +{len(sources) - 6}", Tone.MUTED))
        if self.view is not None and self.view.log and (sources or not self._own_source or self.book.total):
            book = self.book
            words = "follow" if book.following else "reading"
            if book.wanted:
                words += f" · filter {_filter_words(book.wanted)} · {len(book.shown)} of {book.total}"
            spans.append((f"{' · ' if spans else ''}{words}", Tone.MUTED))
        return tuple(spans)

    def _host_width(self, sources: list[SourceView]) -> int:
        return min(max((width_of(source.info.host) for source in sources), default=0), WIDEST_HOST) + 2

    def _reasons(self, sources: list[SourceView], width: int, height: int) -> list[Line]:
        """Return why a source is not seen, wrapped; the data below it are the last ones."""
        why: dict[tuple[Health, str], list[str]] = {}
        for source in sources:
            if source.health is not Health.LIVE and source.reason:
                why.setdefault((source.health, source.reason), []).append(source.info.host)
        lines: list[Line] = []
        for (health, reason), hosts in why.items():
            sign, tone = HEALTH[health]
            names = f"{', '.join(hosts)}: " if len(sources) > 1 else ""
            texts = wrap(safe(f"{names}{reason}", 1_000), width - 2, max(2, height // 2))
            for place, text in enumerate(texts):
                lines.append(((f"{sign} " if place == 0 else "  ", tone), (text, Tone.TEXT)))
        return lines

    def _figures(self, view: View, sources: list[SourceView], width: int, host_width: int) -> list[Line]:
        if not view.figures:
            return []
        lines: list[Line] = []
        for source in sources:
            if not source.values:
                continue
            block = figure_lines(view, source.values, self.units, width - host_width)
            for place, line in enumerate(block):
                shown = dimmed(line) if _is_old(source) else line
                host = fit(source.info.host if place == 0 else "", host_width - 1) + " " if host_width else ""
                lines.append(((host, Tone.MUTED), *shown) if host else shown)
        return lines

    def _trends(
        self, view: View, sources: list[SourceView], width: int, room: int, host_width: int
    ) -> list[Line]:
        """Return the sparklines, if the table and the log keep enough room."""
        if not view.figures:
            return []
        lines = spark_lines(view, sources, width, int(self.snapshot.at.mono), host_width)
        kept = 5 if view.tables or view.log else 0
        return lines[: max(room - kept, 0)]

    def _rows(self, sources: list[SourceView]) -> list[Row]:
        return rows_of(self.view.tables[0], sources) if self.view is not None and self.view.tables else []

    def _table(
        self, view: View, sources: list[SourceView], width: int, room: int, host_width: int
    ) -> list[Line]:
        rows = self._rows(sources)
        table = view.tables[0]
        if table.per_host:
            host_width = 0
        header, lines = table_lines(table, rows, width, host_width)
        old = {source.info.host for source in sources if _is_old(source)}
        lines = [dimmed(line) if row.host in old else line for row, line in zip(rows, lines, strict=True)]
        height = room - 1
        if view.log:
            height = min(len(lines), max(height // 2, 1))
        self._top = min(self._top, max(len(lines) - height, 0))
        shown = lines[self._top : self._top + height]
        hidden = len(lines) - self._top - len(shown)
        if hidden > 0 and len(shown) > 1:
            shown[-1] = ((f"  … {hidden + 1} more", Tone.MUTED),)
        return [header, *shown]

    def _log(self, width: int, height: int, start: int) -> list[Line]:
        book = self.book
        waiting = not book.following and book.unseen
        if waiting:
            height = max(height - 1, 1)
        top, entries = book.window(height)
        self._log_area = (start, height)
        if not entries:
            return [((self._nothing(), Tone.MUTED),)]
        host_width = self._log_host_width()
        lines = [
            log_line(
                entry,
                width,
                host_width,
                selected=not book.following and top + place == book.cursor,
                unfold_key="enter",
            )
            for place, entry in enumerate(entries)
        ]
        if waiting:
            new = f"{fmt.count(book.unseen)} new line{'s' if book.unseen > 1 else ''} ▼ end"
            lines += [()] * (height - len(lines))
            lines.append(((new.rjust(width), Tone.FOCUS),))
        return lines

    def _log_host_width(self) -> int:
        """Return the room for the host in log lines: none while there is only one."""
        hosts = {entry.host for entry in self.book.shown[-200:]}
        hosts |= {source.info.host for source in self.sources}
        if len(hosts) < 2:
            return 0
        return min(max(width_of(host) for host in hosts), WIDEST_HOST) + 1

    def _nothing(self) -> str:
        if self.book.total:
            return f"no line passes the filter {_filter_words(self.book.wanted)}"
        return "no lines yet"

    # What it does.

    def move(self, lines: int) -> None:
        """Move in the log, or scroll the table where there is no log."""
        if self.view is not None and self.view.log:
            self.book.move(lines, self._log_area[1])
        else:
            self._top = max(self._top + lines, 0)
        self.redraw()

    def move_to(self, end: bool) -> None:
        """Go to the newest line and follow, or to the oldest one."""
        if self.view is not None and self.view.log:
            if end:
                self.book.follow()
            else:
                self.book.start()
        else:
            self._top = 10_000 if end else 0
        self.redraw()

    def clicked(self, line: int) -> None:
        """Put the cursor on a log line."""
        start, height = self._log_area
        if start <= line < start + height:
            top, entries = self.book.window(height)
            if line - start < len(entries):
                self.book.select(top + line - start, top)
                self.redraw()

    def action_follow(self) -> None:
        """Follow the log, or stay where it is."""
        if self.book.following:
            self.book.stay()
        else:
            self.book.follow()
        self.redraw()

    def action_level(self) -> None:
        """Step to the next severity from which on lines are shown."""
        now = self.book.wanted
        place = LEVELS.index(now.severity) + 1 if now.severity in LEVELS else 0
        self.set_filter(Filter(now.text, LEVELS[place % len(LEVELS)]))

    def action_filter(self) -> None:
        """Ask for a filter."""
        self.post_message(self.FilterWanted(self))

    def action_unfold(self) -> None:
        """Open the line under the cursor whole."""
        entry = self.book.chosen()
        if entry is not None:
            self.post_message(self.EntryOpened(entry))

    def set_filter(self, wanted: Filter) -> None:
        """Show only what passes."""
        self.book.wanted = wanted
        self.redraw()


def _is_old(source: SourceView) -> bool:
    """Tell whether a source's figures are not of this moment."""
    if source.health not in (Health.LIVE, Health.WARNING):
        return True
    return source.samples > 0 and source.age is not None and source.age > STALE


def _filter_words(wanted: Filter) -> str:
    words = [f"“{safe(wanted.text, 40)}”"] if wanted.text else []
    if wanted.severity in LEVELS[1:]:
        words.append(f"≥{WORDS[wanted.severity][0]}")
    return " ".join(words)


def _help(view: View | None) -> str:
    if view is None:
        return "Nothing of this kind is configured; the pane says how to add it."
    figures = list(dict.fromkeys(figure.label for line in view.figures for figure in line))
    parts = []
    if figures:
        parts.append(f"Figures: {', '.join(figures)}.")
    parts += [
        f"{table.title}: {', '.join(column.title.lower() for column in table.columns)}."
        for table in view.tables
    ]
    if view.log:
        parts.append(
            "Log: newest line last. Scrolling stops following, `end` or `f` resumes; `/` filters by text, "
            "`l` by severity, `enter` opens a line whole. The same line again counts up (×7)."
        )
    return " ".join(parts)
