"""What a host is given so that it lets us in, beyond the keys that lie open.

In this order, as ``ssh`` does: key files with a passphrase, keyboard-interactive
(PAM, one-time codes), password. An answer comes from the configuration, from
memory (a reconnect in the middle of a test must not ask again) or from the
operator. It is forgotten as soon as the host refuses it, and leaves this process
for that host alone, whose key has been verified by then.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
from pydantic import SecretStr

from rampdeck.config import HostConfig
from rampdeck.remote.asking import TRIES, Asker, Question, Wants, configured
from rampdeck.remote.hostkeys import Endpoint
from rampdeck.remote.keyring import Keyring

REFUSED = "the host did not accept it"

T = TypeVar("T")


class Credentials:
    """The answers for one host, over all its connections.

    ``left_out`` says why the host is not even tried: the operator did not
    answer, or no answer was right. Knocking on would lock the account there.
    ``wanted`` are the ways in that the host offered and nobody could answer.
    Raises :class:`UsageError` where a secret is named that cannot be had.
    """

    def __init__(self, host: str, config: HostConfig, keyring: Keyring, asker: Asker | None) -> None:
        self.left_out = ""
        self.wanted: set[str] = set()
        self.asker = asker
        self._host = host
        self._config = config
        self._keyring = keyring
        self._known: dict[str, SecretStr] = {}
        self._open: asyncio.Task[Any] | None = None
        self._tries: Counter[str] = Counter()
        self._passphrase = configured(host, config, "passphrase")
        self._remember_configured()

    @property
    def can_answer(self) -> bool:
        """Whether a password could be given at all."""
        return not self.left_out and (self.asker is not None or Wants.PASSWORD.value in self._known)

    @property
    def can_unlock(self) -> bool:
        """Whether a passphrase could be had at all."""
        return self.asker is not None or self._passphrase is not None

    def ask_again(self) -> None:
        """Try the host again, with new questions."""
        self.left_out = ""
        self._tries.clear()
        self._keyring.forget_refusals()
        self._remember_configured()

    async def settled(self) -> bool:
        """Wait for the question that outlived its connection; whether there was one.

        sshd closes a connection on which nobody logs in for two minutes
        (LoginGraceTime). The answer goes to the next one.
        """
        question = self._open
        if question is None or question.done():
            return False
        await asyncio.wait([question])
        return True

    def accepted(self) -> None:
        """Note that the host let us in: what serves only once is forgotten."""
        self._known = {name: kept for name, kept in self._known.items() if name == Wants.PASSWORD.value}
        self._tries.clear()

    def refused(self, name: str) -> None:
        """Forget an answer that the host did not accept."""
        if self._known.pop(name, None) is not None and self.asker is None:
            self.left_out = f"it did not accept the password of {_source(self._config, 'password')}"

    async def answer(self, name: str, question: Question) -> str | None:
        """Return the answer that goes by this name; ``None`` when there is none."""
        if name not in self._known and not self.left_out and self.asker is not None:
            if self._tries[name] < TRIES:
                self._tries[name] += 1
                refused = REFUSED if self._tries[name] > 1 else ""
                asked = replace(question, attempt=self._tries[name], refused=refused)
                await self._patiently(self._ask(name, asked, self.asker))
            else:
                self.left_out = f"{TRIES} answers were refused"
        known = None if self.left_out else self._known.get(name)
        return known.get_secret_value() if known is not None else None

    async def key(self, file: Path, endpoint: Endpoint) -> asyncssh.SSHKey | None:
        """Return the key of a locked file; ``None`` where its passphrase cannot be had."""

        async def passphrase(file: Path, attempt: int, refused: str) -> SecretStr | None:
            if self._passphrase is not None and attempt == 1:
                return self._passphrase
            if self.asker is None:
                return None
            asked = Question(
                self._host, str(endpoint), endpoint.user, Wants.PASSPHRASE, str(file),
                attempt=attempt, refused=refused,
            )  # fmt: skip
            return await self.asker.ask(asked)

        if self.left_out or not self.can_unlock:
            return None
        key = await self._patiently(self._keyring.key(file, passphrase))
        if key is None and self._keyring.left(file):
            given = "was given" if self.asker else f"stands in {_source(self._config, 'passphrase')}"
            self.left_out = f"no right passphrase of {file} {given}"
        return key

    async def close(self) -> None:
        """Forget what the operator said, and drop an open question."""
        self._known.clear()
        self._remember_configured()
        if self._open is not None and not self._open.done():
            self._open.cancel()
            await asyncio.wait([self._open])

    async def _ask(self, name: str, question: Question, asker: Asker) -> None:
        answer = await asker.ask(question)
        if answer is None:
            self.left_out = "its question was left unanswered"
        else:
            self._known[name] = answer

    async def _patiently(self, work: Coroutine[Any, Any, T]) -> T:
        """Await the answer of a person; it comes in even if the connection that needs it is gone by then."""
        self._open = task = asyncio.create_task(work)
        return await asyncio.shield(task)

    def _remember_configured(self) -> None:
        if password := configured(self._host, self._config, "password"):
            self._known[Wants.PASSWORD.value] = password


def _source(config: HostConfig, what: str) -> str:
    """Return the name of the place that a secret comes from."""
    return str(getattr(config, f"{what}_env") or getattr(config, f"{what}_file"))
