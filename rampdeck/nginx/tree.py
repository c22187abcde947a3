"""A configuration of Nginx as a tree: which directive holds in which block.

Read leniently: what Nginx would refuse, and what a module of its own means by
its block (Lua), is skipped over and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from posixpath import dirname, join

MOST = 200_000
"""Words that are read: a configuration that includes itself must come to an end."""
_WORD = re.compile(
    r"""\s+|\#[^\n]*
      | "((?:[^"\\]|\\.)*)" | '((?:[^'\\]|\\.)*)'
      | ([{};])
      | ((?:\\.|\$\{[^}\s]*\}|[^\s{};"'\\])(?:\\.|\$\{[^}\s]*\}|[^\s{};\\])*)
      | .""",
    re.VERBOSE | re.DOTALL,
)
_TIME = re.compile(r"(\d+)(ms|s|m|h|d|w|M|y)?")
_SECONDS = {
    "ms": 0.001,
    "": 1,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
    "M": 2_592_000,
    "y": 31_536_000,
}

Words = tuple[str, ...]


@dataclass
class Block:
    """A block with its directives, each as its words; ``name`` and ``words`` are what stands before it."""

    name: str = ""
    words: Words = ()
    parent: Block | None = field(default=None, repr=False)
    directives: list[tuple[str, Words]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def here(self, name: str) -> list[Words]:
        """Return the words of each directive of that name in this block itself."""
        return [words for found, words in self.directives if found == name]

    def holds(self, name: str) -> list[Words]:
        """Return the directives of that name that hold here: those of the nearest block that has any."""
        block: Block | None = self
        while block is not None:
            if found := block.here(name):
                return found
            block = block.parent
        return []

    def value(self, name: str, default: str) -> str:
        """Return the first word of the directive that holds here."""
        found = self.holds(name)
        return found[-1][0] if found and found[-1] else default

    def walk(self) -> Iterator[Block]:
        """Yield this block and all in it."""
        waiting = [self]
        while waiting:
            block = waiting.pop()
            yield block
            waiting += reversed(block.blocks)

    def everywhere(self, name: str) -> list[Words]:
        """Return every directive of that name, in whichever block."""
        return [words for block in self.walk() for words in block.here(name)]


def tree(files: Mapping[str, str]) -> Block:
    """Return the configuration of files by name, the first of which includes the others."""
    root = Block()
    if files:
        main = next(iter(files))
        _Reading(files, dirname(main)).read(main, root)
    return root


class _Reading:
    """Reads files into a tree, each include in its place."""

    def __init__(self, files: Mapping[str, str], folder: str) -> None:
        self._files = files
        self._folder = folder
        self._left = MOST
        self._open: list[str] = []

    def read(self, name: str, into: Block) -> None:
        self._open.append(name)
        block, words = into, []
        for text, mark in _words(self._files[name]):
            self._left -= 1
            if self._left < 0:
                break
            if not mark:
                words.append(text)
            elif mark == "{":
                inner = Block(words[0] if words else "", tuple(words[1:]), block)
                block.blocks.append(inner)
                block, words = inner, []
            else:
                if words[:1] == ["include"] and words[1:]:
                    self._include(words[1], block)
                elif words:
                    block.directives.append((words[0], tuple(words[1:])))
                words = []
                if mark == "}" and block is not into and block.parent is not None:
                    block = block.parent
        self._open.pop()

    def _include(self, pattern: str, into: Block) -> None:
        wanted = join(self._folder, pattern)
        for name in sorted(self._files):
            fits = fnmatchcase(name, wanted) and name.count("/") == wanted.count("/")
            if name not in self._open and (name == wanted or fits):
                self.read(name, into)


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Yield each word with no mark, or no word with its mark ``{``, ``}`` or ``;``."""
    for match in _WORD.finditer(text):
        double, single, mark, plain = match.groups()
        if mark:
            yield "", mark
        elif (word := next((it for it in (double, single, plain) if it is not None), None)) is not None:
            yield word, ""


def seconds(text: str) -> float | None:
    """Return a time of Nginx (``60``, ``30s``, ``1m30s``) in seconds; ``None`` for what is none."""
    parts = _TIME.findall(text.replace(" ", ""))
    if "".join(number + unit for number, unit in parts) != text.replace(" ", "") or not parts:
        return None
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)
