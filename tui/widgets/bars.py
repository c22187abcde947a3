"""The one-line widgets above and below the panes: top bar, key figures, pane bar, keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.events import Click
from textual.message import Message
from textual.screen import Screen

from rampdeck import format as fmt
from rampdeck.model import Health, RunState
from rampdeck.preflight.check import State
from rampdeck.preflight.inspection import PreflightView
from rampdeck.snapshot import EMPTY, Snapshot, ThresholdState
from rampdeck.view import Unit

from ..drawing import Line, Span, Tone, crop, line_width, safe, spread, width_of
from ..keymap import PANE_KEYS
from ..signs import CHECK, HEALTH, RUN, THRESHOLD, WORST, shown_state
from .line_view import LineView

GAP: Span = ("   ", Tone.TEXT)


class Bar(LineView):
    """One line that follows the snapshot."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.snapshot: Snapshot = EMPTY

    def show(self, snapshot: Snapshot) -> None:
        """Take the picture of this moment."""
        self.snapshot = snapshot
        self.resized()

    def resized(self) -> None:
        """Draw for the present size."""
        if self.size:
            self.set_lines([self.line(self.size.width)])

    def line(self, width: int) -> Line:
        """Return the line for a width."""
        raise NotImplementedError


class TopBar(Bar):
    """Is it running, how far, how much load, may I trust it, is it recorded?"""

    preflight: PreflightView | None = None
    """What the preflight says; its hint shows only what stands against the load."""

    def line(self, width: int) -> Line:
        """Return the load on the left and the trust on the right; what matters least goes first."""
        left = {"production": self._production()} if self.snapshot.production else {}
        left |= {"run": self._run(), "load": self._load(), "title": self._title(), "step": self._step()}
        right = {
            "guard": self._guard(),
            "preflight": self._preflight(),
            "gate": self._gate(),
            "sources": self._sources(),
            "generator": self._generator(),
            "recording": self._recording(),
        }
        short = {
            "title": (left, self._title(with_host=False)),
            "preflight": (right, self._preflight("checks")[1:]),
            "guard": (right, self._guard("")),
        }
        order = (None, "title", "title", "sources", "step", "preflight", "preflight", "generator", "guard")
        for given_up in order:
            if given_up in short:
                side, line = short.pop(given_up)
                side[given_up] = line
            elif given_up:
                left.pop(given_up, None)
                right.pop(given_up, None)
            left_line, right_line = _joined(left.values()), _joined(right.values())
            if line_width(left_line) + line_width(right_line) + 4 <= width:
                break
        return spread(((" ", Tone.TEXT), *left_line), (*right_line, (" ", Tone.TEXT)), width)

    def _production(self) -> Line:
        return ((" PRODUCTION ", Tone.ALARM),)

    def _guard(self, word: str = " refused") -> Line:
        refused = self.snapshot.guard.refused
        return (("guard ", Tone.MUTED), (f"✖ {fmt.count(refused)}{word}", Tone.BAD)) if refused else ()

    def _run(self) -> Line:
        load = self.snapshot.load
        sign, word, tone = RUN[load.state]
        if load.held:
            sign, word, tone = "■", "HOLDING", Tone.WARNING
        time = fmt.stopwatch(load.elapsed)
        if load.total:
            time = f"{time}/{fmt.stopwatch(load.total)}"
        return ((f"{sign} {word}", tone), (f" {time}", Tone.STRONG))

    def _load(self) -> Line:
        load = self.snapshot.load
        users = fmt.count(load.users)
        line: Line = (("users ", Tone.MUTED), (users, Tone.STRONG))
        if load.target != load.users:
            sign = "+" if load.target > load.users else "−"
            speed = f" {sign}{load.spawn_rate:g}/s" if load.state is RunState.SPAWNING else ""
            line = (*line, (" → ", Tone.MUTED), (fmt.count(load.target), Tone.STRONG), (speed, Tone.MUTED))
        return line

    def _title(self, with_host: bool = True) -> Line:
        shot = self.snapshot
        host = shot.host.removeprefix("https://").removeprefix("http://") if with_host else ""
        return (
            (safe(shot.title, 32), Tone.TEXT),
            (" → " if host and shot.title else "", Tone.MUTED),
            (safe(host, 40), Tone.TEXT),
        )

    def _step(self) -> Line:
        load = self.snapshot.load
        if load.plan and load.following and load.stage >= 0:
            name = safe(load.plan[load.stage].name, 16) if load.stage < len(load.plan) else ""
            place = f"level {load.stage + 1} " if load.auto else f"stage {load.stage + 1}/{len(load.plan)} "
            line: Line = ((place, Tone.MUTED), (name, Tone.TEXT))
        elif load.step is not None:
            line = ((f"step {load.step.number}", Tone.MUTED),)
        else:
            return ()
        if load.step is not None and load.step.phase in ("settle", "measure", "warm-up"):
            line = (*line, (f" {load.step.phase}", Tone.MUTED))
        return line

    def _preflight(self, word: str = "preflight") -> Line:
        view = self.preflight
        if view is None:
            return ()
        tally = _tally([(CHECK[state], view.count(state)) for state in (State.FAILED, State.PENDING)])
        return (("k ", Tone.KEY), (word, Tone.MUTED), *tally) if tally else ()

    def _gate(self) -> Line:
        states = [shown_state(threshold) for threshold in self.snapshot.thresholds]
        if not states:
            return ()
        order = (ThresholdState.FAIL, ThresholdState.WARN, ThresholdState.UNKNOWN, ThresholdState.PASS)
        return (
            ("gate", Tone.MUTED),
            *_tally([(THRESHOLD[state], states.count(state)) for state in order]),
        )

    def _sources(self) -> Line:
        healths = [source.health for source in self.snapshot.sources]
        if not healths:
            return ()
        return (("sources", Tone.MUTED), *_tally([(HEALTH[state], healths.count(state)) for state in WORST]))

    def _generator(self) -> Line:
        generator = self.snapshot.generator
        if generator.cpu_percent is None:
            return ()
        tone = {Health.BLIND: Tone.BAD, Health.WARNING: Tone.WARNING}.get(generator.health, Tone.TEXT)
        sign = f"{HEALTH[generator.health][0]} " if tone is not Tone.TEXT else ""
        return (("gen ", Tone.MUTED), (f"{sign}{generator.cpu_percent:.0f}{fmt.THIN}%", tone))

    def _recording(self) -> Line:
        recording = self.snapshot.recording
        if recording.problem:
            return (("✖ NOT RECORDED", Tone.BAD),)
        if recording.path is None:
            return (("○ no record", Tone.MUTED),)
        return (("●", Tone.BAD), (" REC ", Tone.MUTED), (fmt.size(recording.bytes), Tone.TEXT))


class KpiLine(Bar):
    """The figures of the present window, in fixed places."""

    def line(self, width: int) -> Line:
        """Return as many figures as fit; the last mark at the right end."""
        window, whole = self.snapshot.window, self.snapshot.whole
        percent = None if window.error_rate is None else window.error_rate * 100
        cells: list[tuple[str, str, int, Tone]] = [
            ("rps", fmt.rate(window.rps), 6, Tone.STRONG),
            ("p50", fmt.with_unit(window.p50, Unit.MILLISECONDS), 8, Tone.STRONG),
            ("p95", fmt.with_unit(window.p95, Unit.MILLISECONDS), 8, self._tone("p95")),
            *self._delay(width),
            ("p99", fmt.with_unit(window.p99, Unit.MILLISECONDS), 8, self._tone("p99")),
            ("fail", fmt.with_unit(percent, Unit.PERCENT), 6, self._tone("error_rate")),
            ("requests", fmt.count(whole.requests), 9, Tone.STRONG),
            ("failures", fmt.count(whole.failures), 6, Tone.STRONG),
        ]
        if self.snapshot.throttled:
            cells.insert(1, ("held back", f"▲ {fmt.rate(self.snapshot.throttled)}/s", 9, Tone.WARNING))
        if pace := self._pace(narrow=width < 110):
            # Where there is little room, the rate takes the place of the median.
            place = next(place for place, cell in enumerate(cells) if cell[0] == "requests")
            cells[1 if width < 110 else place : 2 if width < 110 else place] = pace
        gap = 1 if width < 90 else 2
        line: Line = ((" ", Tone.TEXT),)
        for label, value, room, tone in cells:
            cell: Line = ((f"{label} " if label else "", Tone.MUTED), (value, tone))
            if line_width(line) + line_width(cell) > width:
                break
            filler = " " * (max(room - width_of(value), 0) + gap)
            line = (*line, *cell, (filler, Tone.TEXT))
        mark = self.snapshot.mark
        if mark is not None:
            said = f"“{safe(mark.text, 40)}” {fmt.clock(mark.at.utc)}"
            right: Line = (("mark ", Tone.MUTED), (said, Tone.TEXT), (" ", Tone.TEXT))
            if line_width(line) + line_width(right) <= width:
                return spread(line, right, width)
        return line

    def _delay(self, width: int) -> list[tuple[str, str, int, Tone]]:
        """Return what the generator added to the times by Locust's clock, to stand beside the judged p95."""
        delay = self.snapshot.window.delay_p95
        if delay is None:
            return []
        beyond = self.snapshot.generator.health in (Health.WARNING, Health.BLIND)
        added = f"+{fmt.with_unit(delay, Unit.MILLISECONDS)}"
        return [("generator" if width >= 130 else "", added, 7, Tone.WARNING if beyond else Tone.MUTED)]

    def _pace(self, narrow: bool) -> list[tuple[str, str, int, Tone]]:
        """Return the rate that users with a known pace are asked for, and the one achieved."""
        pace = self.snapshot.pace
        if pace is None:
            return []
        tone = Tone.WARNING if pace.short else Tone.STRONG
        asked, achieved = (
            f"{fmt.rate(pace.asked)}/s",
            f"{'▲ ' if pace.short else ''}{fmt.rate(pace.achieved)}",
        )
        if narrow:
            return [("pace", f"{achieved} of {asked}", 14, tone)]
        return [("asked", asked, 7, Tone.STRONG), ("achieved", f"{achieved}/s", 9, tone)]

    def _tone(self, metric: str) -> Tone:
        """Return the tone of a figure: what the threshold on it, over all requests, says now."""
        for threshold in self.snapshot.thresholds:
            if threshold.expression.split()[0] == metric:
                tone = THRESHOLD[shown_state(threshold)][1]
                return tone if tone in (Tone.BAD, Tone.WARNING) else Tone.STRONG
        return Tone.STRONG


class PaneBar(Bar):
    """All panes with their numbers and states, where not all can be seen; click to choose."""

    class Chosen(Message):
        """A pane was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._entries: Sequence[tuple[int, tuple[str, str, str], Health, bool]] = ()
        self._places: list[tuple[int, int, int]] = []

    def show_panes(self, entries: Sequence[tuple[int, tuple[str, str, str], Health, bool]]) -> None:
        """Show (number, name, health, whether it is the chosen one) of each pane."""
        self._entries = entries
        self.resized()

    def line(self, width: int) -> Line:
        """Return the entries, with short names where the long ones do not fit."""
        for name_of, gap in ((0, 3), (0, 2), (1, 2), (2, 2)):
            spans: list[Span] = [(" ", Tone.TEXT)]
            self._places.clear()
            for number, names, health, chosen in self._entries:
                start = line_width(spans)
                tone = Tone.FOCUS if chosen else Tone.MUTED
                spans += [(PANE_KEYS[number], Tone.KEY)]
                spans += [(f" {names[name_of]} ".replace("  ", " "), tone)]
                spans += [HEALTH[health], (" " * gap, Tone.TEXT)]
                self._places.append((start, line_width(spans), number))
            if line_width(spans) - gap <= width:
                break
        return crop(spans[:-1], width)

    def on_click(self, event: Click) -> None:
        """Choose the pane under the pointer."""
        for start, end, number in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(number))


OF_PANES = ("log.", "requests.", "steps.", "row.", "pane.")
"""How the ids of keys begin that belong to the focused pane."""


class KeyBar(Bar):
    """The keys that do something, greyed where they cannot; click one to press it."""

    PINNED = ("load.abort", "help", "quit")
    SPARED = ("zoom", "record", "decide", "mark")
    """What makes room, in this order, for the keys of the pane that one is in."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follow the bindings of the screen."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def show(self, snapshot: Snapshot) -> None:
        """Ignore figures: the keys change by signal."""

    def shows(self, name: str) -> bool:  # noqa: ARG002
        """Tell whether the binding of this id has a place here."""
        return True

    def _bindings_changed(self, _screen: Screen[object]) -> None:
        self.resized()

    def line(self, width: int) -> Line:
        """Return the shown keys in the order of the keymap; abort, help and quit always fit."""
        entries: list[tuple[str, Line, str]] = []
        seen: set[str] = set()
        for key, active in self.screen.active_bindings.items():
            binding = active.binding
            if not binding.show or binding.action in seen or not self.shows(binding.id or ""):
                continue
            seen.add(binding.action)
            label = self.app.get_key_display(binding)
            tones = (Tone.KEY, Tone.MUTED) if active.enabled else (Tone.FAINT, Tone.FAINT)
            cell: Line = ((label, tones[0]), (f" {binding.description}", tones[1]), ("  ", Tone.TEXT))
            entries.append((key, cell, binding.id or ""))
        # The pane's own keys come last, so that those of the load keep their places.
        own = [entry for entry in entries if entry[2].startswith(OF_PANES)]
        entries = [entry for entry in entries if entry not in own] + own
        for spared in self.SPARED if own else ():
            if sum(line_width(cell) for _, cell, _ in entries) > width - 1:
                entries = [entry for entry in entries if entry[2] != spared]
        pinned = [entry for entry in entries if entry[2] in self.PINNED]
        room = width - 1 - sum(line_width(cell) for _, cell, _ in pinned)
        spans: list[Span] = [(" ", Tone.TEXT)]
        self._places.clear()
        for key, cell, _ in [entry for entry in entries if entry not in pinned]:
            length = line_width(cell)
            if length > room:
                break
            self._places.append((line_width(spans), line_width(spans) + length, key))
            spans += cell
            room -= length
        for key, cell, _ in pinned:
            self._places.append((line_width(spans), line_width(spans) + line_width(cell), key))
            spans += cell
        return tuple(spans)

    def on_click(self, event: Click) -> None:
        """Press the key under the pointer."""
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key)


def _joined(parts: Iterable[Line]) -> Line:
    line: Line = ()
    for part in parts:
        if part:
            line = (*line, GAP, *part) if line else part
    return line


def _tally(entries: list[tuple[Span, int]]) -> Line:
    return tuple((f" {sign}{number}", tone) for (sign, tone), number in entries if number)
