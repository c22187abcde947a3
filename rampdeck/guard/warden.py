"""The guard of a live run: production is confirmed before any load, cuts are told, an emergency ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rampdeck.guard.emergency import FIRED, KEY, Emergency
from rampdeck.guard.production import Production
from rampdeck.model import EventKind, Instant, Severity
from rampdeck.secrets import redact_values
from rampdeck.who import who

if TYPE_CHECKING:
    from rampdeck.run import Run

CEILING, CONFIRMED = "ceiling", "production"
"""Values of the field by which what the guard says is known, beside those of the emergency stop."""
BY_FLAG, ON_SCREEN = "--confirm-production", "typed on the screen"


class Warden:
    """Watches one run; ``run.engine`` carries out what it decides."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._emergency = Emergency(run.setup.config.guard)
        self._emergency.attach(run.session)
        production = run.setup.production
        self.unconfirmed: Production | None = production
        """That the load would go to production, until somebody has typed its name."""
        if production is not None:
            run.engine.ceilings.locked = f"{production.sentence}, and nobody has confirmed it"

    def open(self) -> None:
        """Note a confirmation that came with the command line."""
        if self.unconfirmed is not None and self._run.setup.confirmed:
            self._confirmed(self.unconfirmed, BY_FLAG, who())

    def confirm(self, typed: str, name: str) -> bool:
        """Take the name of the host that a person typed; return whether it is right."""
        if self.unconfirmed is not None and self.unconfirmed.is_confirmed_by(typed):
            self._confirmed(self.unconfirmed, ON_SCREEN, name)
        return self.unconfirmed is None

    def _confirmed(self, production: Production, how: str, name: str) -> None:
        run = self._run
        self.unconfirmed = None
        run.engine.ceilings.locked = ""
        at = Instant.now()
        whose = f" by {name}" if name else ""
        text = f"the load of production, {production.host}, was confirmed{whose}, {how}"
        fields = {KEY: CONFIRMED, "host": production.host, "name": name, "how": how}
        run.session.say(EventKind.KEY, text, fields, Severity.WARNING)
        run.writer.set_meta("production", redact_values(production.to_meta(how=how, name=name, at=at)))

    def tell(self) -> None:
        """Tell what was cut or refused since the last time."""
        ceilings = self._run.engine.ceilings
        said, ceilings.said = ceilings.said, []
        for text in said:
            self._run.session.say(EventKind.LOAD, text, {KEY: CEILING}, Severity.WARNING)

    def emergency(self, at: Instant) -> bool:
        """Look once a second whether the load has to stop now, and say why."""
        why = self._emergency.look(self._run.session, at)
        if why:
            text = f"the guard stopped the load: {why}"
            self._run.session.say(EventKind.LOAD, text, {KEY: FIRED}, Severity.CRITICAL)
        return bool(why)
