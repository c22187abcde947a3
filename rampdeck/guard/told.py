"""What a session says of its guard: who might be contacted, what was refused, what was not seen.

It stands in the session file under :data:`KEY` and is kept up to date while the run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rampdeck.guard.refusals import Refusal, pack, unpack

KEY = "guard"
"""Its key in the meta of a session file."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The guard of a session.

    ``hosts`` are those that users might contact, each with its addresses or
    networks; ``refused`` counts every refusal, ``refusals`` says of what;
    ``blind`` are sentences on what the guard did not see.
    """

    hosts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    refused: int = 0
    refusals: tuple[Refusal, ...] = ()
    blind: tuple[str, ...] = ()

    def to_meta(self) -> dict[str, object]:
        """Return it as JSON's own types."""
        return {
            "hosts": [{"host": name, "addresses": list(addresses)} for name, addresses in self.hosts],
            "refused": self.refused,
            "refusals": [pack(refusal) for refusal in self.refusals],
            "blind": list(self.blind),
        }

    @classmethod
    def of_meta(cls, stored: Mapping[str, Any]) -> Guarded:
        """Return what :meth:`to_meta` gave; anything else is a :class:`TypeError` or :class:`KeyError`."""
        return cls(
            tuple((host["host"], tuple(host["addresses"])) for host in stored["hosts"]),
            stored["refused"],
            tuple(map(unpack, stored["refusals"])),
            tuple(stored["blind"]),
        )
