"""Questions on a plain terminal: a line each, the default in brackets; secrets without an echo."""

from __future__ import annotations

import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from rampdeck.errors import UsageError
from rampdeck.remote.asking import Question, Wants
from rampdeck.secrets import know
from rampdeck.text import clean


def is_there() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, default: str = "") -> str:
    """Ask for a line; nothing but enter takes the default.

    Raises :class:`UsageError` where the terminal is at its end.
    """
    sys.stderr.write(f"{question}{f' [{default}]' if default else ''}: ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise UsageError("rampdeck init", "the terminal ended before every question was answered")
    return line.strip() or default


class Terminal:
    """Puts the questions of hosts: passwords, passphrases, one-time codes.

    Nothing else is under way while a person types, so the loop stands still.
    """

    async def ask(self, question: Question) -> SecretStr | None:
        """Return the answer; ``None`` for an empty one: the host is left out."""
        for said in (question.refused, question.note):
            if said:
                sys.stderr.write(f"{clean(said)}\n")
        prompt = _prompt(question)
        with _interruptible():
            try:
                answer = ask(prompt) if question.echo else getpass.getpass(f"{prompt}: ")
            except (EOFError, UsageError):
                return None
        know(answer)
        return SecretStr(answer) if answer else None


def _prompt(question: Question) -> str:
    if question.wants is Wants.PASSPHRASE:
        return clean(f"Passphrase of {question.file}")
    who = clean(f"{question.user}@{question.host}", 200)
    if question.wants is Wants.REPLY:
        return f"{who} asks: {clean(question.prompt, 200).rstrip(': ')}"
    return f"Password of {who}"


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: asyncio's own handler would wait for the loop, which stands still."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
