"""The one-line widgets above and below the panes: top bar, key figures, pane bar, keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message
from textual.screen import Screen

from rampdeck import format as fmt
from rampdeck.model import Health, RunState
from rampdeck.snapshot import EMPTY, LoadView, Snapshot, ThresholdState

from ..drawing import Line, Span, Tone, crop, fit_right, line_width, safe, spread
from ..signs import HEALTH, RUN, THRESHOLD, WORST
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

    def line(self, width: int) -> Line:
        """Return the load on the left and the trust on the right; what matters least goes first."""
        shot = self.snapshot
        right = [self._gate(), self._sources(), self._generator(), self._recording()]
        left = [self._run(), self._load(), self._title(), self._step(), self._plan_bar()]
        # The title is dropped before the state, the sources before the gate.
        keep_left, keep_right = [0, 1, 3, 2, 4], [0, 2, 3, 1]
        count_left, count_right = len(left), len(right)
        while True:
            left_line = _joined([left[i] for i in range(len(left)) if i in keep_left[:count_left]])
            right_line = _joined([right[i] for i in range(len(right)) if i in keep_right[:count_right]])
            if line_width(left_line) + line_width(right_line) + 4 <= width:
                break
            if count_left > 3:
                count_left -= 1
            elif count_right > 2:
                count_right -= 1
            elif count_left > 2:
                count_left -= 1
            else:
                break
        del shot
        return spread(((" ", Tone.TEXT), *left_line), (*right_line, (" ", Tone.TEXT)), width)

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

    def _title(self) -> Line:
        shot = self.snapshot
        host = shot.host.removeprefix("https://").removeprefix("http://")
        return (
            (safe(shot.title, 32), Tone.TEXT),
            (" → " if host and shot.title else "", Tone.MUTED),
            (safe(host, 40), Tone.TEXT),
        )

    def _step(self) -> Line:
        load = self.snapshot.load
        if load.plan and load.following and load.stage >= 0:
            name = safe(load.plan[load.stage].name, 16) if load.stage < len(load.plan) else ""
            line: Line = ((f"stage {load.stage + 1}/{len(load.plan)} ", Tone.MUTED), (name, Tone.TEXT))
        elif load.step is not None:
            line = ((f"step {load.step.number}", Tone.MUTED),)
        else:
            return ()
        if load.step is not None and load.step.phase != "done":
            line = (*line, (f" {load.step.phase}", Tone.MUTED))
        return line

    def _plan_bar(self) -> Line:
        load = self.snapshot.load
        if not load.total or not load.plan:
            return ()
        return _progress(load)

    def _gate(self) -> Line:
        states = [threshold.state for threshold in self.snapshot.thresholds]
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
        return (("gen ", Tone.MUTED), (f"{sign}{generator.cpu_percent:.0f} %".replace(" %", "\u2009%"), tone))

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
        failing = Tone.BAD if window.error_rate else Tone.STRONG
        cells: list[tuple[str, str, int, str, Tone]] = [
            ("rps", fmt.rate(window.rps), 7, "", Tone.STRONG),
            ("p50", fmt.milliseconds(window.p50), 6, "ms", Tone.STRONG),
            ("p95", fmt.milliseconds(window.p95), 6, "ms", Tone.STRONG),
            ("p99", fmt.milliseconds(window.p99), 6, "ms", Tone.STRONG),
            ("fail", fmt.share(window.error_rate), 5, "%", failing),
            ("requests", fmt.count(whole.requests), 9, "", Tone.STRONG),
            ("failures", fmt.count(whole.failures), 7, "", Tone.BAD if whole.failures else Tone.STRONG),
        ]
        gap = 2 if width < 110 else 3
        line: Line = ((" ", Tone.TEXT),)
        for label, value, room, unit, tone in cells:
            cell: Line = ((f"{label} ", Tone.MUTED), (fit_right(value, room), tone))
            if unit:
                cell = (*cell, (f"\u2009{unit}", Tone.MUTED))
            if line_width(line) + line_width(cell) > width:
                break
            line = (*line, *cell, (" " * gap, Tone.TEXT))
        mark = self.snapshot.mark
        if mark is not None:
            said = f"“{safe(mark.text, 40)}” {fmt.clock(mark.at.utc)}"
            right: Line = (("mark ", Tone.MUTED), (said, Tone.TEXT), (" ", Tone.TEXT))
            if line_width(line) + line_width(right) <= width:
                return spread(line, right, width)
        return line


class PaneBar(Bar):
    """All panes with their numbers and states, where not all can be seen; click to choose."""

    class Chosen(Message):
        """A pane was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._entries: Sequence[tuple[int, str, Health, bool]] = ()
        self._places: list[tuple[int, int, int]] = []

    def show_panes(self, entries: Sequence[tuple[int, str, Health, bool]]) -> None:
        """Show (number, short name, health, whether it is on the screen) of each pane."""
        self._entries = entries
        self.resized()

    def line(self, width: int) -> Line:
        """Return the entries, with short names where the long ones do not fit."""
        for most in (12, 8, 5, 0):
            spans: list[Span] = [(" ", Tone.TEXT)]
            self._places.clear()
            for number, name, health, chosen in self._entries:
                start = line_width(spans)
                tone = Tone.FOCUS if chosen else Tone.MUTED
                spans += [(f"{number}", Tone.KEY)]
                if most:
                    spans += [(f" {name[:most]}", tone)]
                spans += [(" ", Tone.TEXT), HEALTH[health], ("  ", Tone.TEXT)]
                self._places.append((start, line_width(spans), number))
            if line_width(spans) <= width:
                break
        return crop(spans, width)

    def on_click(self, event: Click) -> None:
        """Choose the pane under the pointer."""
        for start, end, number in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(number))


class KeyBar(Bar):
    """The keys that do something, greyed where they cannot; click one to press it."""

    PINNED = ("help", "quit")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follow the bindings of the screen."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def show(self, snapshot: Snapshot) -> None:
        """Ignore figures: the keys change by signal."""

    def _bindings_changed(self, _screen: Screen[object]) -> None:
        self.resized()

    def line(self, width: int) -> Line:
        """Return the shown keys in the order of the keymap; help and quit always fit."""
        entries: list[tuple[str, Line, str]] = []
        seen: set[str] = set()
        for key, active in self.screen.active_bindings.items():
            binding = active.binding
            if not binding.show or binding.action in seen:
                continue
            seen.add(binding.action)
            label = self.app.get_key_display(binding)
            tones = (Tone.KEY, Tone.MUTED) if active.enabled else (Tone.FAINT, Tone.FAINT)
            cell: Line = ((label, tones[0]), (f" {binding.description}", tones[1]), ("  ", Tone.TEXT))
            entries.append((key, cell, binding.id or ""))
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


def _joined(parts: list[Line]) -> Line:
    line: Line = ()
    for part in parts:
        if part:
            line = (*line, GAP, *part) if line else part
    return line


def _tally(entries: list[tuple[Span, int]]) -> Line:
    return tuple((f" {sign}{number}", tone) for (sign, tone), number in entries if number)


def _progress(load: LoadView, width: int = 10) -> Line:
    done = min(width, int(width * load.elapsed / load.total)) if load.total else 0
    return (("▰" * done, Tone.SPARK), ("▱" * (width - done), Tone.FAINT))
