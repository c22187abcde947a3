"""Every key of the cockpit: id, key, words and what it does.

A user's own keys come by id from ``[screen.keys]`` of rampdeck.toml, for example
``keys = { "load.up" = "u,plus" }``. Keys that change the load are in
:data:`LOAD` because dialogs take them too: whatever is open, the load obeys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType

from rampdeck.config import nearest
from rampdeck.errors import UsageError

LOAD: tuple[Binding, ...] = (
    Binding("plus,equals_sign", "app.step(1)", "Up", key_display="+", tooltip="One step more users",
            id="load.up"),
    Binding("minus", "app.step(-1)", "Down", key_display="-", tooltip="One step fewer users",
            id="load.down"),
    Binding("w", "app.add(1)", "One user more", show=False, tooltip="One user more", id="load.add1"),
    Binding("W", "app.add(10)", "Ten users more", show=False, tooltip="Ten users more", id="load.add10"),
    Binding("s", "app.add(-1)", "One user fewer", show=False, tooltip="One user fewer", id="load.take1"),
    Binding("S", "app.add(-10)", "Ten users fewer", show=False, tooltip="Ten users fewer", id="load.take10"),
    Binding("space", "app.hold", "Hold", key_display="space",
            tooltip="Hold the plan at this level, or go on with it", id="load.hold"),
    Binding("x", "app.stop", "Stop", tooltip="Stop gracefully: requests in flight may end", id="load.stop"),
)  # fmt: skip
"""What changes the load; bound in the app and in every dialog without an input."""

ABORT = Binding(
    "X,f9", "app.abort", "Abort", key_display="X", priority=True,
    tooltip="Stop at once, without a question; F9 also works while you type", id="load.abort",
)  # fmt: skip

APP: tuple[Binding, ...] = (
    *LOAD[:6],
    Binding("g", "goto", "Go to", tooltip="Go to a number of users", id="load.goto"),
    LOAD[6],
    Binding("p", "plan", "Plan", tooltip="Start the plan, or return to it where it was left", id="load.plan"),
    LOAD[7],
    ABORT,
    Binding("m", "mark", "Mark", tooltip="Put a note on the timeline", id="mark"),
    Binding("ctrl+s", "record", "Record", tooltip="Write the decision record as of now", id="record"),
    Binding("z", "zoom", "Zoom", tooltip="Give the focused pane the whole screen, or take it back", id="zoom"),
    Binding("escape", "back", "Back", show=False, tooltip="Leave the zoom, then the pane", id="back"),
    *(
        Binding(str(number), f"pane({number})", f"Pane {number}", show=False,
                tooltip="Go to this pane", id=f"pane.{number}")
        for number in range(1, 10)
    ),
    Binding("question_mark,f1", "help", "Help", key_display="?", tooltip="What the keys and panes do",
            id="help"),
    Binding("q", "quit", "Quit", tooltip="Stop the load and leave", id="quit"),
    Binding("ctrl+q,ctrl+c", "quit", "Quit", show=False, tooltip="Stop the load and leave", id="quit.ctrl"),
)  # fmt: skip
"""The bindings of the app, in the order of the line at the foot."""

PANE_IDS = ("log.filter", "log.level", "log.follow", "log.open", "requests.sort", "pane.up", "pane.down",
            "pane.pageup", "pane.pagedown", "pane.first", "pane.last")  # fmt: skip


def bindings(those: Iterable[Binding]) -> list[BindingType]:
    """Return bindings as a class attribute wants them."""
    return list(those)


def checked(keys: Mapping[str, str]) -> dict[str, str]:
    """Return the user's keys by id.

    Raises :class:`UsageError` for an id that does not exist.
    """
    known = {binding.id for binding in APP if binding.id} | set(PANE_IDS)
    for name in keys:
        if name not in known:
            raise UsageError("[screen.keys]", f'unknown action "{name}"{nearest(name, known)}')
    return dict(keys)
