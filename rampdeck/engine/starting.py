"""Locust's ``init``: the moment for the listeners of a locustfile."""

from __future__ import annotations

from locust.env import Environment

from rampdeck.errors import ScenarioError


def fire_init(environment: Environment) -> None:
    """Fire Locust's ``init``.

    Raises :class:`ScenarioError` when a listener calls ``sys.exit``.
    """
    try:
        environment.events.init.fire(environment=environment, runner=environment.runner, web_ui=None)
    except SystemExit as exit_:
        why = (
            exit_.code if isinstance(exit_.code, str) else f"its init listener called sys.exit({exit_.code})"
        )
        raise ScenarioError("the scenario refuses to start", why) from None
