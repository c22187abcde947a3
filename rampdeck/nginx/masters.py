"""The masters of Nginx on a host: what each was started with, as its title tells."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rampdeck.processes import Process

TITLE = "nginx: master process "
_WITH_VALUE = {"-c", "-p", "-g", "-e", "-s"}


@dataclass(frozen=True)
class Master:
    """A master process of Nginx: who runs it, and what it was started with."""

    process: Process
    user: str
    program: str
    config: str
    prefix: str
    error_log: str

    @property
    def arguments(self) -> str:
        """The options that lead another Nginx to the same configuration."""
        given = (("-p", self.prefix), ("-e", self.error_log), ("-c", self.config))
        return " ".join(f"{option} {shlex.quote(value)}" for option, value in given if value)


def build(text: str) -> tuple[str, str, str]:
    """Return version, default configuration and prefix from ``nginx -V``."""
    version = re.search(r"nginx version: (\S+(?: \([^)]*\))?)", text)
    path = re.search(r"--conf-path=(\S+)", text)
    prefix = re.search(r"--prefix=(\S+)", text)
    return version[1] if version else "", path[1] if path else "", prefix[1] if prefix else ""


def masters(lines: Sequence[str], default: str, prefix: str) -> Iterator[Master]:
    """Return the masters of lines ``USER PID PARENT TITLE``: the title has the command line in it."""
    for line in lines:
        user, _, rest = line.partition(" ")
        process = Process.of(rest)
        if process is None or not process.arguments[0].startswith(TITLE):
            continue
        words = process.arguments[0].removeprefix(TITLE).split()
        pairs = zip(words, [*words[1:], ""], strict=True)
        options = {word: value for word, value in pairs if word in _WITH_VALUE}
        options |= {word[:2]: word[2:] for word in words if word[:2] in _WITH_VALUE and len(word) > 2}
        own = options.get("-p", "")
        config = options.get("-c", default)
        if config and not config.startswith("/"):
            config = f"{(own or prefix).rstrip('/')}/{config}"
        program = words[0] if words and not words[0].startswith("-") else "nginx"
        yield Master(process, user, program, config, own, options.get("-e", ""))
