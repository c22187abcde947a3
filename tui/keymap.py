"""Every key of the cockpit: id, key, words and what it does.

A user's own keys come by id from ``[screen.keys]`` of rampdeck.toml, for example
``keys = { "load.up" = "u,plus" }``. The keys that change the load have priority:
they work under every dialog (an input takes what one types, F9 aside), and they
are obeyed in the order in which they were pressed. Without that, ``+`` pressed
just before ``X`` could come after it and start the load again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType

from rampdeck.config import nearest
from rampdeck.errors import UsageError

STEPS, WORKERS = 10, 11
"""The panes of the load levels and of the workers: the digits are taken, so they have letters."""
PANE_KEYS = {**{number: str(number) for number in range(10)}, STEPS: "t", WORKERS: "c"}
"""What stands in front of a pane's title: the key that goes to it."""


def _load(
    key: str, action: str, name: str, words: str, tooltip: str, shown_as: str = "", *, show: bool = True
) -> Binding:
    """Return a binding that changes the load."""
    return Binding(
        key,
        action,
        words,
        show=show,
        key_display=shown_as or None,
        priority=True,
        tooltip=tooltip,
        id=f"load.{name}",
    )


APP: tuple[Binding, ...] = (
    _load("plus,equals_sign", "step(1)", "up", "Up", "One step more users", "+"),
    _load("minus", "step(-1)", "down", "Down", "One step fewer users", "-"),
    _load("w", "add(1)", "add1", "One more", "One user more", show=False),
    _load("W", "add(10)", "add10", "Ten more", "Ten users more", show=False),
    _load("s", "add(-1)", "take1", "One fewer", "One user fewer", show=False),
    _load("S", "add(-10)", "take10", "Ten fewer", "Ten users fewer", show=False),
    Binding("g", "goto", "Go to", tooltip="Go to a number of users", id="load.goto"),
    _load("space", "hold", "hold", "Hold", "Hold the plan at this level, or go on with it", "space"),
    _load("p", "plan", "plan", "Plan", "Start the plan, or return to it where it was left"),
    _load("A", "auto_step", "auto", "Auto-step", "Raise the load by steps while the gate holds", show=False),
    _load("x", "stop", "stop", "Stop", "Stop gracefully: requests in flight may end"),
    _load("X,f9", "abort", "abort", "Abort", "Stop at once, without a question; F9 also while you type", "X"),
    Binding("k", "preflight", "Preflight", show=False, tooltip="What was checked before the load",
            id="preflight"),
    Binding("m", "mark", "Mark", tooltip="Put a note on the timeline", id="mark"),
    Binding("d", "decide", "Decide", tooltip="Accept the gate's verdict, or overrule it", id="decide"),
    Binding("ctrl+s", "record", "Record", tooltip="Write the decision record as of now", id="record"),
    Binding("z", "zoom", "Zoom", tooltip="Give the pane the whole screen, or take it back", id="zoom"),
    Binding("escape", "leave_pane", "Back", show=False, tooltip="Leave the zoom, then the pane", id="back"),
    *(
        Binding(str(number), f"pane({number})", f"Pane {number}", show=False,
                tooltip="Go to this pane", id=f"pane.{number}")
        for number in range(10)
    ),
    Binding("t", f"pane({STEPS})", "Steps", show=False, tooltip="Go to the table of steps", id="pane.steps"),
    Binding("c", f"pane({WORKERS})", "Workers", show=False,
            tooltip="Go to the workers, where a run has any", id="pane.workers"),
    Binding("question_mark,f1", "help", "Help", key_display="?", tooltip="What the keys and panes do",
            id="help"),
    Binding("q", "quit", "Quit", tooltip="Stop the load and leave", id="quit"),
    Binding("ctrl+q,ctrl+c", "quit", "Quit", show=False, tooltip="Stop the load and leave", id="quit.ctrl"),
)  # fmt: skip
"""The bindings of the app, in the order of the line at the foot."""

PANE_IDS = ("log.filter", "log.level", "log.follow", "log.open", "pane.view",
            "requests.sort", "requests.open", "steps.open", "pane.up", "pane.down",
            "pane.pageup", "pane.pagedown", "pane.first", "pane.last")  # fmt: skip

PREFLIGHT: tuple[Binding, ...] = (
    Binding("enter", "start", "Start", key_display="enter", id="preflight.start",
            tooltip="Go to the dashboard and start the plan, where there is one"),
    Binding("r", "again", "Re-run", tooltip="Look at everything again", id="preflight.again"),
    Binding("f", "again_failed", "Re-run failed", tooltip="Look again at what failed or is not known",
            id="preflight.failed"),
    Binding("c", "copy", "Copy fix", tooltip="Copy how to mend it, for a shell on the host",
            id="preflight.copy"),
    Binding("escape,k", "leave", "Back", tooltip="Go to the dashboard; the load waits", id="preflight.back"),
)  # fmt: skip
"""The bindings of the preflight, which come before those of the app there."""


def bindings(those: Iterable[Binding]) -> list[BindingType]:
    """Return bindings as a class attribute wants them."""
    return list(those)


def checked(keys: Mapping[str, str]) -> dict[str, str]:
    """Return the user's keys by id.

    Raises :class:`UsageError` for an id that does not exist.
    """
    known = {binding.id for binding in (*APP, *PREFLIGHT) if binding.id} | set(PANE_IDS)
    for name in keys:
        if name not in known:
            there = ", ".join(sorted(known))
            raise UsageError(
                "[screen.keys]", f'unknown action "{name}"{nearest(name, known)}', f"There are {there}"
            )
    return dict(keys)
