"""The login on one connection: what asyncssh wants to know, and who answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from rampdeck.remote.asking import Question, Wants
from rampdeck.remote.credentials import Credentials
from rampdeck.remote.hostkeys import Endpoint, HostKeys, Noting
from rampdeck.remote.keyring import LockedKey, certificates_of, locked_files, public_half

MOST_PROMPTS = 8
"""Questions that a host may put at once."""
# PAM's and sshd's own words. "New password:" and the like are no such question: they are shown as they are.
_PASSWORD = re.compile(r"(?:\S+'s )?password(?: for \S+)?\s*:?\s*", re.IGNORECASE)


class Conversation(Noting):
    """The client of one connection attempt; asyncssh calls it back.

    ``seconds`` of the time limit begin anew after each question, and none of
    them pass while one is open.
    """

    def __init__(
        self, keys: HostKeys, endpoint: Endpoint, credentials: Credentials, files: Sequence[Path],
        certificates: Sequence[Path], limit: asyncio.Timeout, seconds: float,
    ) -> None:  # fmt: skip
        super().__init__(keys)
        self._endpoint = endpoint
        self._credentials = credentials
        self._files = files
        self._certificates = certificates
        self._limit = limit
        self._seconds = seconds
        self._locked: Iterator[Path] | None = None
        self._given: set[tuple[str, str]] = set()
        self.over = False
        credentials.wanted.clear()

    def failed(self) -> None:
        """Note that the host sent us away: whatever it was given last was not right."""
        for _, name in self._given:
            self._credentials.refused(name)

    def auth_completed(self) -> None:
        """Note that we are in."""
        self._credentials.accepted()

    async def public_key_auth_requested(self) -> list[asyncssh.SSHKeyPair] | None:
        """Return the next key that has a passphrase, after all the others were refused."""
        if self._locked is None:
            self._locked = iter(locked_files(self._files))
        for file in self._locked:
            public = public_half(file) or await self._key(file)
            if public is not None:
                certificates = certificates_of(file, public, self._certificates)
                return [LockedKey(file, public, one, self._key) for one in (*certificates, None)]
        return None

    async def kbdint_auth_requested(self) -> str | None:
        """Return the wanted submethods (any), if there is somebody to answer."""
        return "" if self._can_answer("keyboard-interactive") else None

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]  # noqa: ARG002
    ) -> list[str] | None:  # fmt: skip
        """Return the answers to what the host asks."""
        if len(prompts) > MOST_PROMPTS:
            return None
        answers: list[str] = []
        for place, (prompt, echo) in enumerate(prompts):
            if _PASSWORD.fullmatch(prompt) and not echo:
                answer = await self._answer("keyboard-interactive", Wants.PASSWORD.value, Wants.PASSWORD)
            else:
                note = instructions or name
                asked = f"{place} {prompt}"
                answer = await self._answer("keyboard-interactive", asked, Wants.REPLY, prompt, note, echo)
            if answer is None:
                return None
            answers.append(answer)
        return answers

    async def password_auth_requested(self) -> str | None:
        """Return the password."""
        if not self._can_answer("password"):
            return None
        return await self._answer("password", Wants.PASSWORD.value, Wants.PASSWORD)

    def _can_answer(self, method: str) -> bool:
        able = self._credentials.can_answer
        if not able:
            self._credentials.wanted.add(method)
        return able

    async def _answer(
        self, method: str, name: str, wants: Wants, prompt: str = "", note: str = "", echo: bool = False
    ) -> str | None:
        """Return an answer; asked for the same twice in one way, the host has refused the first."""
        if (method, name) in self._given:
            self._credentials.refused(name)
        self._given.add((method, name))
        question = Question(
            self._endpoint.name, str(self._endpoint), self._endpoint.user, wants,
            prompt=prompt, note=note, echo=echo,
        )  # fmt: skip
        with self._unhurried():
            return await self._credentials.answer(name, question)

    async def _key(self, file: Path) -> asyncssh.SSHKey | None:
        with self._unhurried():
            return await self._credentials.key(file, self._endpoint)

    @contextmanager
    def _unhurried(self) -> Iterator[None]:
        """Let the time limit wait for a person."""
        self._limit.reschedule(None)
        try:
            yield
        finally:
            if not self.over:
                self._limit.reschedule(asyncio.get_running_loop().time() + self._seconds)
