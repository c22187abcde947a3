"""The preflight of a run: looked at once the sources are seen, and what stands against the load since.

While a check is failed, or is not known yet, the load does not begin: somebody
has to say that it shall all the same, which stands in the session beside what
was found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from rampdeck.errors import RampdeckError
from rampdeck.facts import Fact, FactPair, to_meta
from rampdeck.model import EventKind, Instant, Severity
from rampdeck.preflight import told
from rampdeck.preflight.check import Definition, State
from rampdeck.preflight.checks import tls
from rampdeck.preflight.inspection import Inspection, PreflightView
from rampdeck.preflight.stack import Stack
from rampdeck.record.groundwork import PREFLIGHT as KEY

if TYPE_CHECKING:
    from rampdeck.run import Run

__all__ = ["KEY", "Clearance", "cleared"]

_SEVERITY = {State.FAILED: Severity.ERROR, State.UNKNOWN: Severity.WARNING, State.WARNING: Severity.WARNING}


class Clearance:
    """Looks at the stack of a run, as often as somebody wants, and says whether the load may begin.

    ``store`` keeps what came of it (:meth:`SessionWriter.set_meta`).
    """

    def __init__(
        self, stack: Stack, definitions: Sequence[Definition], store: Callable[[str, object], None]
    ) -> None:
        self._inspection = Inspection(stack, definitions)
        self._session = stack.session
        self._store = store
        self._stack = stack
        self._accepted: set[str] = set()
        self._failed_under_load: set[str] = set()
        self._tls: tuple[Fact, ...] = ()
        self._looked = False
        self._turn = asyncio.Lock()  # two at once would take each other's answers away

    @property
    def view(self) -> PreflightView:
        """What is known by now."""
        return self._inspection.view

    @property
    def held_back(self) -> str:
        """Why the load does not begin, in words for a person; empty where nothing stands against it."""
        view = self.view
        failed = told.names(view, State.FAILED, self._accepted)
        if failed:
            return f"the preflight found {told.counted(failed, 'failed check')}: {', '.join(failed)}"
        pending = told.names(view, State.PENDING, self._accepted)
        return f"the preflight is not over: {told.counted(pending, 'check')} to come" if pending else ""

    async def look(self, names: Collection[str] | None = None) -> None:
        """Look at everything, or at the checks of these names again; returns when all of it is known."""
        async with self._turn:
            # Answers of the first time are not those of the next.
            again = None if names is None and not self._looked else names or told.names(self.view)
            self._looked = True
            if self._session.steps:
                # Mended now, they were not while there was load.
                self._failed_under_load.update(told.names(self.view, State.FAILED))
            view = await self._inspection.run(again)
            self._tls = await self._how_tls_ends(view)
        self._keep()
        severity = _SEVERITY.get(view.state, Severity.NOTICE)
        self._session.say(EventKind.LOAD, f"preflight: {told.summary(view)}", severity=severity)

    def go_on_anyway(self) -> None:
        """Let the load begin in spite of what has failed by now, or is not known yet; it is noted."""
        view = self.view
        accepted = [*told.names(view, State.FAILED), *told.names(view, State.PENDING)]
        self._accepted.update(accepted)
        self._session.say(EventKind.KEY, f"going on in spite of the preflight: {', '.join(accepted)}")
        self._keep()

    async def _how_tls_ends(self, view: PreflightView) -> tuple[Fact, ...]:
        """Return the facts of it, where its check has an answer: what is asked then is known already."""
        states = {check.state for check in view.checks if check.name == tls.ends.name}
        if not states & {State.OK, State.WARNING, State.FAILED}:
            return ()
        try:
            return (await self._stack.ask(tls.tls)).facts()
        except RampdeckError:
            return ()

    def _keep(self) -> None:
        view = self.view
        mended = self._failed_under_load.difference(told.names(view, State.FAILED))
        self._store(
            KEY,
            {
                "at": Instant.now().utc,
                "seconds": view.seconds,
                "went_on": sorted(self._accepted),
                "mended": sorted(mended),
                "tls": to_meta(FactPair(self._stack.target_name, fact, None) for fact in self._tls),
                "checks": [told.data(check) for check in view.checks],
            },
        )


async def cleared(
    run: Run, *, go_on: bool, quiet: bool = False, tell: Callable[[str], None] = lambda _: None
) -> bool:
    """Let a run's preflight be looked at; returns whether the load may begin.

    ``go_on``: somebody said beforehand that it shall even if a check fails. What
    is not as expected is told (``quiet``: only when the load does not begin).
    """
    if run.clearance is None:
        return True
    looking = asyncio.ensure_future(run.clearance.look())
    over = asyncio.ensure_future(run.over.wait())
    try:
        await asyncio.wait({looking, over}, return_when="FIRST_COMPLETED")
        if not looking.done():
            return False
        looking.result()
    finally:
        looking.cancel()
        over.cancel()
    if go_on and run.held_back:
        run.go_on_anyway()
    held = run.held_back
    text = told.text(run.clearance.view, everything=False)
    if text and (held or not quiet):
        tell(text)
    if held:
        tell(f"\nNo load is made: {held}. With --go-on it is made all the same\n")
    return not held
