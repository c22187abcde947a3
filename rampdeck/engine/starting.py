"""The moments at which Locust calls the listeners of a locustfile."""

from __future__ import annotations

from collections.abc import Callable

from locust.env import Environment

from rampdeck.errors import ScenarioError


def fire_init(environment: Environment) -> None:
    """Fire Locust's ``init``.

    Raises :class:`ScenarioError` when a listener calls ``sys.exit``.
    """
    of_listeners(
        lambda: environment.events.init.fire(environment=environment, runner=environment.runner, web_ui=None)
    )


def of_listeners(fire: Callable[[], object], event: str = "init") -> None:
    """Let the listeners of an event run.

    Raises :class:`ScenarioError` when one of them calls ``sys.exit``.
    """
    try:
        fire()
    except SystemExit as exit_:
        called = f"its {event} listener called sys.exit({exit_.code})"
        why = exit_.code if isinstance(exit_.code, str) else called
        raise ScenarioError("the scenario refuses to start", why) from None
