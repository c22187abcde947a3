"""One pane for every kind of source, drawn from its view: figures, trends, table, log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from rampdeck import format as fmt
from rampdeck.model import Event, Health
from rampdeck.snapshot import Snapshot, SourceView
from rampdeck.view import Action, Table, Unit, View

from ..drawing import Line, Span, Tone, dimmed, fit, safe, width_of, wrap
from ..logbook import Entry, Filter, Logbook
from ..signs import HEALTH, worst
from ..widgets.pane import Pane
from .figures import figure_lines, spark_lines
from .log_lines import LEVELS, WIDEST_HOST, log_block
from .tablebook import TableBook
from .tables import Row, rows_of, table_lines
from .told import STALE, filter_words, help_of, is_old, lines_left_out, reasons, tabs


class SourcePane(Pane):
    """What the sources of a kind have to say, or of several that take each other's place.

    ``views`` has the kinds that it may show, the usual one first; it looks like
    the first of them that there is. ``kinds`` are the kinds of events that its log
    shows, the sources' own unless others are given: then it has no sources. A pane
    without views has nothing configured and says how to change that.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", tooltip="Show only some lines of this log", id="log.filter"),
        Binding("l", "level", "Level", tooltip="Show only lines from this severity on", id="log.level"),
        Binding("f", "follow", "Follow", tooltip="Go to the newest line and stay there", id="log.follow"),
        Binding("v", "table", "View", tooltip="Show the next table of this pane", id="pane.view"),
        Binding("enter", "unfold", "Open", tooltip="Open a line or a row whole", show=False, id="log.open"),
    ]
    LOG_ACTIONS = frozenset({"filter", "level", "follow"})

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

    class RowOpened(Message):
        """The operator wants to read a row whole."""

        def __init__(self, table: Table, row: Row) -> None:
            super().__init__()
            self.table = table
            self.row = row

    class Wanted(Message):
        """The operator wants something done with a row."""

        def __init__(self, action: Action, row: Row) -> None:
            super().__init__()
            self.action = action
            self.row = row

    def __init__(
        self,
        number: int,
        heading: str,
        kind: str,
        views: Mapping[str, View],
        units: Mapping[str, Mapping[str, Unit]],
        *,
        kinds: Collection[str] = (),
    ) -> None:
        self.view = next(iter(views.values()), None)
        super().__init__(number, self.view.title if self.view else heading, id=kind)
        self.kind = kind
        self.views = views
        self.units = units
        self.kinds = tuple(kinds) or tuple(views) or (kind,)
        self.book = Logbook()
        self.tables = TableBook(self.view.tables if self.view else ())
        self.cursor = 0
        """Where the session's events are read on."""
        self._own_source = not kinds
        self._log_area = (0, 0)
        self._table_area = (0, 0)
        self.help = help_of(views.values())

    @property
    def sources(self) -> list[SourceView]:
        """The sources of these kinds."""
        return [source for source in self.snapshot.sources if source.info.kind in self.views]

    @property
    def health(self) -> Health:
        """The worst of the sources and their rows."""
        if not self._own_source:
            return Health.LIVE
        sources = self.sources
        found = [source.health for source in sources]
        if self.view is not None:
            found += [
                row.health for table in self.view.tables for row in self._rows(table, sources) if row.health
            ]
        return worst(found)

    def show(self, snapshot: Snapshot) -> None:
        """Take the picture of this moment; look like the first kind that there is."""
        there = {source.info.kind for source in snapshot.sources}
        view = next((view for kind, view in self.views.items() if kind in there), self.view)
        if view is not None and view is not self.view:
            self.view, self.heading = view, view.title
            self.tables = TableBook(view.tables)
        super().show(snapshot)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the keys of a log, of several tables, of a row where there is such a thing."""
        view = self.view
        if action in self.LOG_ACTIONS:
            return view is not None and view.log
        if action == "table":
            return view is not None and len(view.tables) > 1
        if action == "act" and view is not None:
            return any(one.name == parameters[0] and self._fits(one) for one in view.actions)
        return True

    def add(self, events: Iterable[Event]) -> None:
        """Take new log lines; draws if there were any."""
        if self.book.add(events):
            self.redraw()

    # What it looks like.

    def body(self, width: int, height: int) -> list[Line]:
        """Return reasons, figures, trends, table and log, as far as they fit."""
        view, sources = self.view, self.sources
        self._log_area = self._table_area = (0, 0)
        if view is None or (self._own_source and not sources):
            hint = f'no {self.kind} source configured: add [[collectors]] kind = "{self.kind}"'
            return [((text, Tone.MUTED),) for text in wrap(hint, width, height)]
        host_width = self._host_width(sources) if len(sources) > 1 else 0
        lines = reasons(sources, width, height)
        lines += self._figures(sources, width, host_width)
        lines += self._trends(view, sources, width, height - len(lines), host_width)
        room = height - len(lines)
        if view.tables and room > 1:
            lines += self._table(sources, width, room, host_width, len(lines) + 1)
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
        if self.view is not None and len(self.view.tables) > 1:
            now = self.tables.table
            there = [table for table in self.view.tables if table is now or self._rows(table, sources)]
            if len(there) > 1:
                spans += tabs(now, there, bool(spans))
        if self.view is not None and self.view.log and (sources or not self._own_source or self.book.total):
            if left_out := lines_left_out(sources):
                spans += [(" · " if spans else "", Tone.MUTED), *left_out]
            book = self.book
            words = "follow" if book.following else "reading"
            if book.wanted:
                words += f" · filter {filter_words(book.wanted)} · {len(book.shown)} of {book.total}"
            spans.append((f"{' · ' if spans else ''}{words}", Tone.MUTED))
        return tuple(spans)

    def _host_width(self, sources: list[SourceView]) -> int:
        return min(max((width_of(source.info.host) for source in sources), default=0), WIDEST_HOST) + 2

    def _figures(self, sources: list[SourceView], width: int, host_width: int) -> list[Line]:
        lines: list[Line] = []
        for source in sources:
            view, units = self.views[source.info.kind], self.units.get(source.info.kind, {})
            if not source.values or not view.figures:
                continue
            block = figure_lines(view, source.values, units, width - host_width)
            for place, line in enumerate(block):
                shown = dimmed(line) if is_old(source) else line
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

    def _rows(self, table: Table, sources: list[SourceView]) -> list[Row]:
        return rows_of(table, sources, first=table is self.tables.tables[0])

    def _table(
        self, sources: list[SourceView], width: int, room: int, host_width: int, start: int
    ) -> list[Line]:
        table, book = self.tables.table, self.tables
        rows = self._rows(table, sources)
        book.take(rows)
        cursor = book.cursor if self.has_focus and not self._reads_log else None
        header, lines = table_lines(table, rows, width, 0 if table.per_host else host_width, cursor)
        old = {source.info.name for source in sources if is_old(source)}
        lines = [dimmed(line) if row.source in old else line for row, line in zip(rows, lines, strict=True)]
        height = room - 1
        if self._reads_log:
            height = min(len(lines), max(height // 2, 1))
        top = book.window(height)
        self._table_area = (start, height)
        shown = lines[top : top + height] or [(("  none now", Tone.MUTED),)]
        hidden = len(lines) - top - height
        if hidden > 0 and len(shown) > 1 and (cursor is None or cursor < top + len(shown) - 1):
            shown[-1] = ((f"  … {hidden + 1} more", Tone.MUTED),)
        return [header, *shown]

    @property
    def _reads_log(self) -> bool:
        """Whether moving moves in the log."""
        return self.view is not None and self.view.log

    def _fits(self, action: Action) -> bool:
        """Tell whether the row under the cursor is one that an action is for."""
        shown = self.tables.tables and self.tables.table.key in action.tables
        return bool(shown) and self.tables.chosen() is not None

    def _log(self, width: int, height: int, start: int) -> list[Line]:
        book = self.book
        if not book.shown:
            words = filter_words(book.wanted)
            nothing = f"no line passes the filter {words}" if book.total else "no lines yet"
            return [((nothing, Tone.MUTED),)]
        height, lines = log_block(book, width, height, {source.info.host for source in self.sources})
        self._log_area = (start, height)
        return lines

    # What it does.

    def move(self, lines: int) -> None:
        """Move in the log, or in the table where there is no log."""
        if self._reads_log:
            self.book.move(lines, self._log_area[1])
        else:
            self.tables.move(lines)
        self.redraw()

    def move_to(self, end: bool) -> None:
        """Go to the newest line and follow, or to the oldest one; in a table to its last or first row."""
        if not self._reads_log:
            self.tables.select(10_000 if end else 0)
        elif end:
            self.book.follow()
        else:
            self.book.start()
        self.redraw()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Go to the head of the table again when the pane is left."""
        if not has_focus and self.tables.tables:
            self.tables.leave()
        super().watch_has_focus(has_focus)

    def clicked(self, line: int) -> None:
        """Put the cursor on a log line or a row."""
        start, height = self._log_area
        if start <= line < start + height:
            top, entries = self.book.window(height)
            if line - start < len(entries):
                self.book.select(top + line - start, top)
                self.redraw()
        start, height = self._table_area
        if start <= line < start + height and not self._reads_log:
            self.tables.select(self.tables.window(height) + line - start)
            self.redraw()

    def action_table(self) -> None:
        """Show the next table that has rows."""
        sources = self.sources
        self.tables.turn([table.key for table in self.tables.tables if self._rows(table, sources)])
        self.redraw()
        self.refresh_bindings()

    def action_act(self, name: str) -> None:
        """Ask for something to be done with the row under the cursor."""
        row = self.tables.chosen()
        for action in self.view.actions if self.view else ():
            if action.name == name and row is not None:
                self.post_message(self.Wanted(action, row))

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
        """Open the line or the row under the cursor whole."""
        if self._reads_log:
            if (entry := self.book.chosen()) is not None:
                self.post_message(self.EntryOpened(entry))
        elif self.tables.tables and (row := self.tables.chosen()) is not None:
            self.post_message(self.RowOpened(self.tables.table, row))

    def set_filter(self, wanted: Filter) -> None:
        """Show only what passes."""
        self.book.wanted = wanted
        self.redraw()
