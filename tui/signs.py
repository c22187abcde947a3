"""The signs of the cockpit: one glyph and one tone a state, never a colour alone.

Every glyph takes one cell in Rich and in common terminals. Where a font or a
locale disagrees, :data:`ASCII` turns everything the cockpit draws into plain
ASCII; panes never know.
"""

from __future__ import annotations

from rampdeck.model import Health, RunState
from rampdeck.preflight.check import State
from rampdeck.snapshot import ThresholdState, ThresholdView, Verdict

from .drawing import Span, Tone

HEALTH: dict[Health, Span] = {
    Health.CONNECTING: ("◌", Tone.MUTED),
    Health.LIVE: ("●", Tone.GOOD),
    Health.WARNING: ("▲", Tone.WARNING),
    Health.BLIND: ("✖", Tone.BAD),
    Health.ABSENT: ("○", Tone.MUTED),
}
"""How well a source is seen, or how well a row does."""

WORST = (Health.BLIND, Health.WARNING, Health.CONNECTING, Health.LIVE, Health.ABSENT)
"""Health from what needs the eye first to what needs it last."""

THRESHOLD: dict[ThresholdState, Span] = {
    ThresholdState.PASS: ("●", Tone.GOOD),
    ThresholdState.WARN: ("▲", Tone.WARNING),
    ThresholdState.FAIL: ("✖", Tone.BAD),
    ThresholdState.UNKNOWN: ("○", Tone.MUTED),
}


def shown_state(threshold: ThresholdView) -> ThresholdState:
    """Return how a threshold is shown: what only warns never fails."""
    if threshold.warns and threshold.state is ThresholdState.FAIL:
        return ThresholdState.WARN
    return threshold.state


VERDICT: dict[Verdict, Span] = {
    Verdict.PASS: ("● PASS", Tone.GOOD),
    Verdict.FAIL: ("✖ FAIL", Tone.BAD),
    Verdict.INCONCLUSIVE: ("○ INCONCLUSIVE", Tone.WARNING),
}

CHECK: dict[State, Span] = {
    State.OK: ("●", Tone.GOOD),
    State.WARNING: ("▲", Tone.WARNING),
    State.FAILED: ("✖", Tone.BAD),
    State.UNKNOWN: ("?", Tone.WARNING),
    State.SKIPPED: ("○", Tone.FAINT),
    State.PENDING: ("◌", Tone.MUTED),
}
"""How a check of the preflight came out."""

RUN: dict[RunState, tuple[str, str, Tone]] = {
    RunState.READY: ("◌", "READY", Tone.MUTED),
    RunState.SPAWNING: ("►", "RAMPING", Tone.STRONG),
    RunState.RUNNING: ("►", "RUNNING", Tone.GOOD),
    RunState.STOPPING: ("■", "STOPPING", Tone.WARNING),
    RunState.STOPPED: ("■", "STOPPED", Tone.MUTED),
}


def worst(healths: list[Health]) -> Health:
    """Return the health that needs the eye first; absent if there is none."""
    return min(healths, key=WORST.index, default=Health.ABSENT)


def _ascii() -> dict[int, str]:
    table = {
        **dict(zip("●▲✖○◌►■▰▱", "*!x-.>##.", strict=True)),
        **dict(zip("╭╮╰╯─│┄┈┤┼", "++++-|-.|+", strict=True)),
        **dict(zip("▁▂▃▄▅▆▇█", "_.,-=+*#", strict=True)),
        **dict(zip("…×→▼▲↓↑·–“”≥\u2009⏎›", '~x>v!v^.-""> e>', strict=True)),
    }
    ascii_table = {ord(glyph): plain for glyph, plain in table.items()}
    for dots in range(256):
        ascii_table[0x2800 + dots] = " .:*#"[min(dots.bit_count(), 4)]
    return ascii_table


ASCII = _ascii()
"""Translation of every glyph that the cockpit draws into ASCII, one for one."""
