"""The user classes of a scenario, and which of them the next load has: the job of Locust's class picker."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from locust.env import Environment

from rampdeck.deck import UserClass


class UserClasses:
    """Chooses user classes.

    Locust makes its plan of who is spawned when a load starts, so a choice
    waits for the next start; a load that is under way keeps its users.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment: Any = environment
        self._chosen: frozenset[str] | None = None

    @property
    def all(self) -> tuple[UserClass, ...]:
        """Return every class of the locustfiles, with what is chosen for the next start."""
        chosen = self._chosen
        if chosen is None:
            chosen = frozenset(self._environment.user_classes_by_name)
        available = self._environment.available_user_classes or self._environment.user_classes_by_name
        return tuple(
            UserClass(name, int(user.weight), int(user.fixed_count), name in chosen)
            for name, user in available.items()
        )

    def choose(self, names: Collection[str]) -> None:
        """Note what is wanted from the next start on; classes that can have no user are left out."""
        able = {user.name for user in self.all if user.weight > 0 or user.fixed_count > 0}
        chosen = frozenset(names) & able
        if not chosen:
            raise ValueError(f"no user class to run among {sorted(names)}")
        self._chosen = chosen

    def apply(self) -> None:
        """Give Locust the choice; only while no load runs."""
        if self._chosen is None:
            return
        environment, chosen, self._chosen = self._environment, self._chosen, None
        available = environment.available_user_classes or environment.user_classes_by_name
        environment.user_classes = [user for name, user in available.items() if name in chosen]
        environment._tasks_filtered = False  # --tags have to be looked for in the new ones, too
        if environment.parsed_options and environment.parsed_options.equal_weights:
            environment.assign_equal_weights()
