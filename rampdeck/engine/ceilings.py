"""What the load may never exceed, held where Locust is told: whoever asks for more, nothing passes.

Keys, plans and the auto-step go through the engine, but a LoadTestShape and the
scenario's own code call Locust's runner themselves. So the runner itself cuts:
the cockpit's own (:class:`CappedRunner`), the master of workers, and each
worker for its share. The same place keeps a load from beginning at all that
has not been confirmed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from locust.env import Environment
from locust.runners import LocalRunner

from rampdeck.engine import throttle
from rampdeck.engine.driver import STOP, Order

SHARE = "rampdeck_ceilings"
"""The name under which a worker is told its share, among the options that Locust sends with each order."""
MOST_SAID = 100
"""Sentences that wait to be told."""


class Ceilings:
    """The most users, users started a second, and requests a second; without any, there is no limit.

    While ``locked`` says why, no load begins. What was cut is ``said`` in
    sentences; whoever tells them takes them out.
    """

    def __init__(
        self, users: float = math.inf, spawn_rate: float = math.inf, rps: float | None = None
    ) -> None:
        self.users = users
        self.spawn_rate = spawn_rate
        self.rps = rps
        self.locked = ""
        self.said: list[str] = []

    def cut(self, order: Order) -> Order:
        """Return what of an order may be."""
        users, spawn_rate = self.cut_users(order.users), self.cut_rate(order.spawn_rate)
        if order is STOP or (users, spawn_rate) == (order.users, order.spawn_rate):
            return order
        return replace(order, users=users, spawn_rate=spawn_rate)

    def cut_users(self, users: int) -> int:
        """Return as many users as may be, and say so where that is fewer."""
        if users <= self.users:
            return users
        most = int(self.users)
        self._say(f"{users} users were asked for: cut to {most}, the most that [guard] users allows")
        return most

    def cut_rate(self, spawn_rate: float) -> float:
        """Return as high a spawn rate as may be, and say so where that is less."""
        if spawn_rate <= self.spawn_rate:
            return spawn_rate
        most = self.spawn_rate
        self._say(f"a spawn rate of {spawn_rate:g}/s was asked for: cut to {most:g}/s, by [guard] spawn_rate")
        return most

    def cut_spawns(self, spawns: Mapping[str, int], there: int) -> dict[str, int]:
        """Return as many new users of each class as there is room for beside those who are ``there``."""
        room = self.users - there
        allowed = {}
        for name, wanted in spawns.items():
            allowed[name] = max(0, int(min(wanted, room)))
            room -= allowed[name]
        if allowed != dict(spawns):
            self._say(f"users were to be added beyond [guard] users: there are {int(self.users)} at most")
        return allowed

    def refuses(self) -> bool:
        """Return whether no load may begin, and say so."""
        if self.locked:
            self._say(f"a load was asked for and did not begin: {self.locked}")
        return bool(self.locked)

    def share(self, workers: int) -> list[float | None]:
        """Return what each of so many workers is told: all users, and its part of the requests."""
        users = self.users if math.isfinite(self.users) else None
        return [users, None if self.rps is None else self.rps / max(workers, 1)]

    def take_share(self, told: object) -> None:
        """Keep to what :meth:`share` told this worker."""
        if isinstance(told, list) and len(told) == 2:
            self.users = math.inf if told[0] is None else told[0]
            self.rps = told[1]
            throttle.hold_to(self.rps)

    def _say(self, text: str) -> None:
        if len(self.said) < MOST_SAID:
            self.said.append(text)


class CappedRunner(LocalRunner):
    """Locust's local runner below its ceilings, whoever calls it."""

    def __init__(self, environment: Environment) -> None:
        self.ceilings = Ceilings()
        super().__init__(environment)

    def start(self, user_count: int, spawn_rate: float, wait: bool = False, user_classes: Any = None) -> None:
        """Start a ramp to as many users as may be."""
        if not self.ceilings.refuses():
            users, rate = self.ceilings.cut_users(user_count), self.ceilings.cut_rate(spawn_rate)
            super().start(users, rate, wait, user_classes)

    def spawn_users(self, user_classes_spawn_count: dict[str, int], wait: bool = False) -> Any:
        """Add as many users as there is room for."""
        if self.ceilings.refuses():
            return []
        return super().spawn_users(self.ceilings.cut_spawns(user_classes_spawn_count, self.user_count), wait)


def make_local(environment: Environment) -> object:
    """Make the runner of a load in the cockpit's own process."""
    return environment._create_runner(CappedRunner)
