"""What Locust tells of a scenario without a run: its user classes, its task ratios."""

from __future__ import annotations

import contextlib
import io
from argparse import Namespace

from locust.user.inspectuser import print_task_ratio, print_task_ratio_json

from rampdeck.engine.loader import Loaded, environment_for

_RULE = "-" * 80


def listing(loaded: Loaded, options: Namespace) -> str:
    """Return what ``--list``, ``--show-task-ratio`` or ``--show-task-ratio-json`` ask for; else nothing.

    Raises :class:`ScenarioError` for a user class that does not exist.
    """
    if options.list_commands:
        return "\n".join(("Available Users:", *(f"    {name}" for name in loaded.user_classes)))
    if not (options.show_task_ratio or options.show_task_ratio_json):
        return ""
    classes = environment_for(loaded, options).user_classes
    with contextlib.redirect_stdout(io.StringIO()) as said:
        if options.show_task_ratio:
            for title, total in (("Task ratio per User class", False), ("Total task ratio", True)):
                print(f"\n {title}\n{_RULE}")  # noqa: T201 - Locust's functions print, too
                print_task_ratio(classes, options.num_users, total)
        else:
            print_task_ratio_json(classes, options.num_users)
    return said.getvalue().rstrip("\n")
