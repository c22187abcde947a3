"""The workers that the cockpit starts, and the command lines that do it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass

from rampdeck.config import RemoteWorkers
from rampdeck.remote.hosts import LOCAL
from rampdeck.workers.luggage import Luggage

PLAIN = "locust --worker"
"""What is started where a host does not have our own."""
HERE = (sys.executable, "-m", "rampdeck", "worker")
"""What is started on this machine."""
FROM_LOGIN = '"${SSH_CONNECTION%% *}"'
"""The cockpit's address as a host sees it: where our login came from."""


@dataclass(frozen=True, slots=True)
class Hand:
    """A worker to start: its name, on which host, what it is told.

    On this machine ``told`` is the whole command. Elsewhere ``command`` comes
    before it, and ``master`` is the cockpit's address, if it is given; ``allowed``
    are the hosts that its locustfile may contact as it is imported.
    """

    name: str
    host: str
    told: tuple[str, ...]
    command: str = ""
    master: str = ""
    allowed: tuple[str, ...] = ()

    @property
    def here(self) -> str:
        """The command line on this machine."""
        return _written_together(f"RAMPDECK_WORKER={shlex.quote(self.name)} exec {shlex.join(self.told)}")

    @property
    def probe(self) -> str:
        """What asks another host whether it has the worker's program."""
        return f"command -v {shlex.quote(self.program)}"

    @property
    def program(self) -> str:
        """The program that runs it on another host."""
        return shlex.split(self.command)[0]

    def there(self, folder: str, command: str, address: str = FROM_LOGIN) -> str:
        """Return the command line on another host, in its folder: its own command, or another one for it.

        ``address`` is the cockpit's, a word of the shell, unless ``master`` says it.
        """
        address = shlex.quote(self.master) if self.master else address
        name = f"RAMPDECK_WORKER={shlex.quote(self.name)}"
        if self.allowed:
            # A variable, which plain Locust does not mind.
            name += f" RAMPDECK_ALLOW_HOST={shlex.quote('[' + ','.join(self.allowed) + ']')}"
        told = shlex.join(self.told)
        return _written_together(f"cd {folder} && {name} {command} --master-host {address} {told}")


def _written_together(command: str) -> str:
    return f"({command}) 2>&1"


def asks(workers: RemoteWorkers | None = None) -> tuple[str, ...]:
    """Return every command that a host, or else this machine, is sent for its workers.

    What is not known before is a word in capitals.
    """
    if workers is None:
        return (Hand("NAME", LOCAL, (*HERE, "OPTIONS")).here,)
    hand = Hand("NAME", workers.host, ("OPTIONS",), workers.command, workers.master_host, ("HOSTS",))
    starts = dict.fromkeys(hand.there("FOLDER", command) for command in (workers.command, PLAIN))
    return (hand.probe, *Luggage.asks(), *starts)
