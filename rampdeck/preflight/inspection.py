"""The preflight itself: all checks side by side, each within its time, and what came of them in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rampdeck import defects
from rampdeck.errors import RampdeckError
from rampdeck.preflight.check import Check, Definition, Found, State, at, skipped, told_once, unknown, worst

if TYPE_CHECKING:
    from rampdeck.preflight.stack import Stack  # loads the engine, which a screen has no need of


@dataclass(frozen=True, slots=True)
class PreflightView:
    """The preflight at one moment; ``seconds`` since it began, or that it took."""

    checks: tuple[Check, ...] = ()
    running: bool = False
    seconds: float = 0.0

    @property
    def state(self) -> State:
        """The worst state of a check."""
        return worst(self.checks)

    @property
    def is_over(self) -> bool:
        """Whether everything is known that there is to know."""
        return not self.running and not self.count(State.PENDING)

    def count(self, state: State) -> int:
        """Return how many checks came out so."""
        return sum(one.state is state for one in self.checks)


class Inspection:
    """Looks at everything once, and again at what is asked for; ``changed`` is called at each result."""

    def __init__(
        self,
        stack: Stack,
        definitions: Sequence[Definition],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.stack = stack
        self._definitions = definitions
        self._changed = changed
        self._results: dict[str, tuple[Check, ...]] = {one.name: (one.pending(),) for one in definitions}
        self._blinding = {one.name for one in definitions if one.blinds}
        self._running = 0
        self._began = time.monotonic()
        self._took = 0.0

    @property
    def view(self) -> PreflightView:
        """What is known by now, in the order of the definitions."""
        seconds = time.monotonic() - self._began if self._running else self._took
        found = [one for each in self._results.values() for one in each]
        return PreflightView(told_once(found, self._blinding), bool(self._running), seconds)

    async def run(self, names: Collection[str] | None = None) -> PreflightView:
        """Look at all, or at the checks of these names again; returns when everything is known."""
        again = [one for one in self._definitions if names is None or one.name in names]
        if names is not None:
            self.stack.forget()
        self._began = time.monotonic()
        self._running += 1
        try:
            for one in again:
                self._results[one.name] = (one.pending(),)
            self._changed()
            await asyncio.gather(*(self._one(definition) for definition in again))
        finally:
            self._running -= 1
            self._took = time.monotonic() - self._began
        self._changed()
        return self.view

    async def _one(self, definition: Definition) -> None:
        began = time.monotonic()
        found = list(await self._found(definition)) or [skipped("there is nothing to look at")]
        took = time.monotonic() - began
        self._results[definition.name] = tuple(
            definition.came_out(at(one, self.stack.target_name), took) for one in found
        )
        self._changed()

    async def _found(self, definition: Definition) -> Sequence[Found]:
        if definition.name in self.stack.settings.preflight.skip:
            return [skipped("left out by [preflight] skip")]
        try:
            async with asyncio.timeout(definition.patience):
                found = await definition.look(self.stack)
        except TimeoutError:
            why = f"it was not known after {definition.patience:g} s"
            return [unknown(why, "Look whether the host answers, then run the preflight again")]
        except RampdeckError as error:
            return [definition.refused(error)]
        except Exception as error:  # noqa: BLE001 - the supervising edge: one check takes no other down
            return [unknown(f"Rampdeck has a defect: {defects.told(error)}", "Please report it")]
        return [found] if isinstance(found, Found) else list(found)
