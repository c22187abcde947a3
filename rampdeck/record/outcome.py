"""How a run came out, as far as the items of its session do not tell: stored beside them.

It stands in the session file under :data:`KEY` and is kept up to date while the
run goes on, so that a report knows it of a run that was killed, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rampdeck.exits import Exit
from rampdeck.levels.knee import Target
from rampdeck.model import Instant
from rampdeck.snapshot import Verdict

KEY = "outcome"
"""Its key in the meta of a session file."""
_CUT_SHORT = {
    "operator": "the operator stopped the load before its planned end",
    "terminal": "the load was stopped before its planned end, because the terminal was lost",
}
"""The ends that a person makes, and those that come for want of one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why the load ended, what broke, and what nobody but the run itself knows.

    ``ended`` and ``broken`` are those of :class:`rampdeck.run.Run`. ``planned``:
    the load had an end of its own to come to; ``peak`` are the most users of its
    stages, 0 without any. ``climb`` says how the auto-step
    ended. ``target`` must be carried. ``raised`` counts what the scenario's own
    code raised, by text. ``missing`` says what of the session is not in its file.
    ``exit_code`` is the locustfile's own. ``closed`` is when the session was over,
    ``None`` while it goes on.
    """

    ended: str = ""
    broken: str = ""
    planned: bool = False
    climb: str = ""
    target: Target | None = None
    raised: Mapping[str, int] = field(default_factory=dict)
    missing: str = ""
    exit_code: int | None = None
    closed: Instant | None = None
    peak: int = 0

    @property
    def doubts(self) -> tuple[str, ...]:
        """Return what it has against a PASS, as sentences."""
        found = []
        if self._is_cut_short:
            found.append(_CUT_SHORT[self.ended])
        if self.ended == "preflight":
            found.append("a check of the preflight failed, so no load was made")
        if self.broken:
            found.append(self.broken)
        return tuple(found)

    @property
    def _is_cut_short(self) -> bool:
        return self.planned and self.ended in _CUT_SHORT

    @property
    def lost(self) -> tuple[str, ...]:
        """Return what is missing in the file, if anything is, as sentences."""
        return (self.missing,) if self.missing else ()

    def exit(self, verdict: Verdict) -> int:
        """Return the exit code of the run; the locustfile's own counts where ours would be 0."""
        if self.broken:
            return Exit.SCENARIO
        if self.ended == "preflight":
            return Exit.INCONCLUSIVE
        if verdict is Verdict.FAIL:
            return Exit.FAIL
        if self._is_cut_short:
            return Exit.STOPPED
        if verdict is Verdict.INCONCLUSIVE:
            return Exit.INCONCLUSIVE
        return self.exit_code or Exit.PASS

    def to_meta(self) -> dict[str, object]:
        """Return it as JSON's own types; no text is a key there, for keys are not redacted."""
        return asdict(self) | {"raised": [list(pair) for pair in self.raised.items()]}

    @classmethod
    def of_meta(cls, stored: Mapping[str, Any]) -> Outcome:
        """Return what :meth:`to_meta` gave; anything else is a :class:`TypeError` or :class:`KeyError`."""
        target, closed = stored["target"], stored["closed"]
        raised: dict[str, int] = {}
        for text, count in stored["raised"]:  # alike without their secrets, some may be
            raised[text] = raised.get(text, 0) + count
        return cls(
            **{
                **stored,
                "target": None if target is None else Target(**target),
                "raised": raised,
                "closed": None if closed is None else Instant(**closed),
            }
        )
