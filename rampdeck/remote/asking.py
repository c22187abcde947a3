"""What only the operator knows: the questions of hosts and key files, and who puts them.

An answer is a secret: it travels as :class:`pydantic.SecretStr`, which shows
itself nowhere, is kept in memory alone, and goes with the process.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from pydantic import SecretStr

from rampdeck.config import HostConfig, secret
from rampdeck.secrets import know

TRIES = 3
"""How often one is asked before a host is left out; OpenSSH's client has the same number."""


class Wants(Enum):
    """What is asked for."""

    PASSWORD = "password"
    PASSPHRASE = "passphrase"
    REPLY = "reply"
    """What the host's own words ask for: a one-time code, a new password."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a host, or a key file on the way to it, wants to know.

    ``prompt`` and ``note`` are the host's own words, as they came. ``echo``:
    what is typed need not be hidden. ``refused`` says why the last answer was
    not good enough; empty at the first attempt.
    """

    host: str
    address: str
    user: str
    wants: Wants
    file: str = ""
    prompt: str = ""
    note: str = ""
    echo: bool = False
    attempt: int = 1
    refused: str = ""


class Asker(Protocol):
    """Whoever can put a question to a person."""

    async def ask(self, question: Question) -> SecretStr | None:
        """Return the answer; ``None`` when the person does not want to give one."""


class Asked:
    """A question that waits for its answer."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.reply: asyncio.Future[SecretStr | None] = asyncio.get_running_loop().create_future()

    def answer(self, secret: SecretStr | None) -> None:
        """Give the answer; too late is no error."""
        if secret is not None:
            know(secret.get_secret_value())
        if not self.reply.done():
            self.reply.set_result(secret)


class Questions:
    """The asker of the cockpit: questions wait here until the screen takes them, one after the other."""

    def __init__(self) -> None:
        self._waiting: list[Asked] = []

    async def ask(self, question: Question) -> SecretStr | None:
        """Return the answer; ``None`` when the operator leaves the host out."""
        asked = Asked(question)
        self._waiting.append(asked)
        try:
            return await asked.reply
        finally:
            self._waiting.remove(asked)

    @property
    def first(self) -> Asked | None:
        """The question that has waited longest."""
        return next((asked for asked in self._waiting if not asked.reply.done()), None)


def configured(host: str, config: HostConfig, what: str) -> SecretStr | None:
    """Return the password or the passphrase that the configuration names for a host, if it names one.

    Raises :class:`UsageError` when it cannot be had.
    """
    variable, file = getattr(config, f"{what}_env"), getattr(config, f"{what}_file")
    found = secret(variable, file, f"the {what} in [hosts.{host}]")
    return SecretStr(found) if found is not None else None
