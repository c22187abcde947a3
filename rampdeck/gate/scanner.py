"""Going through a text from left to right, and showing the very place of what is wrong."""

from __future__ import annotations

import re

from rampdeck.errors import UsageError
from rampdeck.secrets import redact
from rampdeck.text import cells

SHOWN = 100
"""Characters before and behind a place that are shown whole; of more, the nearer half."""
_QUOTED = re.compile(r"""(["'])((?:\\.|(?!\1).)*)\1""")
_ESCAPED = re.compile(r"""\\([\\"'])""")
_SPACE = re.compile(r"\s*")


class Scanner:
    """A text and the place reached in it; blanks are gone over before anything is looked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip(self) -> int:
        """Go over blanks and return the place."""
        if match := _SPACE.match(self.text, self.at):
            self.at = match.end()
        return self.at

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go over what a pattern matches here, if it does."""
        match = pattern.match(self.text, self.skip())
        if match:
            self.at = match.end()
        return match

    def literal(self, text: str) -> bool:
        """Go over a text if it stands here."""
        found = self.text.startswith(text, self.skip())
        if found:
            self.at += len(text)
        return found

    def words(self, bare: re.Pattern[str]) -> str:
        """Go over a text in quotes, or one of a pattern, and return it; empty where there is none."""
        if match := self.take(_QUOTED):
            return _ESCAPED.sub(r"\1", match[2]) if match[2].strip() else ""
        if self.text[self.at : self.at + 1] in ('"', "'"):
            raise self.error(self.at, "this quote is never closed")
        return match[0].strip() if (match := self.take(bare)) else ""

    def error(self, at: int, why: str, fix: str = "") -> UsageError:
        """Return an error with a caret under a place; wide characters before it count as what they take."""
        before = redact(self.text[:at])
        after = redact(self.text)[len(before) :]
        if len(before) > SHOWN:
            before = f"…{before[-SHOWN // 2 :]}"
        if len(after) > SHOWN:
            after = f"{after[: SHOWN // 2]}…"
        place = f"    {before}{after}\n    {' ' * cells(before)}^"
        return UsageError("a threshold cannot be read", f"{redact(why)}\n{place}", fix)
