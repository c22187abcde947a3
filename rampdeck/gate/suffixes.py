"""What may follow a limit: windows, patience, a stage, what a breach does; in any order, each once."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from rampdeck.config import nearest, seconds
from rampdeck.errors import UsageError
from rampdeck.gate.scanner import Scanner
from rampdeck.gate.threshold import WORDS, Kind
from rampdeck.gate.vocabulary import Measure, listed
from rampdeck.view import Unit

_WORD = re.compile(r"[A-Za-z_][\w.]*")
_STAGE = re.compile(r"""[^\s"'{},]+""")
_DURATION = re.compile(r"[^\s,;{}]+(?:(?<=[0-9])\s+[hms](?!\w))?")
_SIGN = re.compile("[<>]|[=!]=")
_AND = ("and", "or", "&&", "||", "&")


@dataclass(frozen=True, slots=True)
class Suffixes:
    """What follows a limit; see :class:`Threshold`."""

    over: float | None = None
    patience: float = 0.0
    stage: str = ""
    abort: bool = False
    grace: float = 0.0
    warns: bool = False


def suffixes_of(
    scan: Scanner, measure: Measure, sign: str, limit: float, stages: Collection[str] | None
) -> Suffixes:
    """Read what follows a limit, to the end of the text."""
    found = Suffixes()
    places: dict[str, int] = {}
    while (start := scan.skip()) < len(scan.text):
        word = match[0] if (match := scan.take(_WORD)) else ""
        if word in places:
            raise scan.error(start, f"{word} stands here twice")
        places[word] = start
        match word:
            case "over":
                found = replace(found, over=_duration(scan, word, 1.0))
            case "for":
                found = replace(found, patience=_duration(scan, word, 0.0))
            case "at":
                found = replace(found, stage=_stage(scan, stages))
            case "abort":
                found = replace(found, abort=True, grace=_grace(scan))
            case "warn":
                found = replace(found, warns=True)
            case _:
                raise _too_much(scan, start, word)
    if "for" in places:
        _check_patience(scan, places["for"], measure, sign, limit, found)
    if "abort" in places:
        _check_abort(scan, places["abort"], measure, sign, found)
    return found


def _grace(scan: Scanner) -> float:
    start = scan.skip()
    if (match := _WORD.match(scan.text, start)) and match[0] == "after":
        scan.at = match.end()
        return _duration(scan, "after", 0.0)
    return 0.0


def _duration(scan: Scanner, word: str, least: float) -> float:
    start = scan.skip()
    match = scan.take(_DURATION)
    text = match[0] if match else ""
    if not text or text in WORDS:
        raise scan.error(start, f"a duration must stand here: {word} 30s")
    try:
        value = seconds("".join(text.split())) if len(text) <= 20 else -1.0
    except ValueError:
        value = -1.0
    if value < 0:
        raise scan.error(start, f'"{text}" is no duration; write 30s, 5m or 1h30m')
    if value == 0:
        raise scan.error(start, f"{word} {text} is nothing: leave it out or write {word} 30s")
    if value < least:
        raise scan.error(start, f"{word} {text} is too short: figures come once a second")
    return value


def _stage(scan: Scanner, stages: Collection[str] | None) -> str:
    start = scan.skip()
    quoted = scan.text[start : start + 1] in ('"', "'")
    stage = scan.words(_STAGE)
    if not stage or (stage in WORDS and not quoted):
        hint = f'; a stage of that name is written "{stage}"' if stage else ""
        raise scan.error(start, f"the name of a stage must stand here{hint}")
    if stages is not None and stage not in stages:
        if not stages:
            raise scan.error(start, "there are no stages: nothing under [[stages]]")
        longer = next((name for name in stages if scan.text.startswith(name, start)), "")
        if longer:
            raise scan.error(start, f'a name of several words goes into quotes: at "{longer}"')
        hint = nearest(stage, stages) or f"; the plan has {listed(stages)}"
        raise scan.error(start, f'there is no stage "{stage}"{hint}')
    return stage


def _too_much(scan: Scanner, start: int, word: str) -> UsageError:
    rest = scan.text[start:].strip()
    if word == "after":
        return scan.error(start, "after belongs to abort: abort after 10s")
    if rest[0] in ",;" or rest.split()[0] in _AND or _SIGN.search(rest):
        return scan.error(start, "one threshold ends here; another one is a text of its own")
    if rest[0].isdigit():
        return scan.error(start, "a word is missing before this: over, for or abort after")
    hint = nearest(word, WORDS, 0.6) if word else ""
    return scan.error(start, f'"{rest}" is too much{hint or "; there may follow " + listed(WORDS)}')


def _check_patience(
    scan: Scanner, place: int, measure: Measure, sign: str, limit: float, found: Suffixes
) -> None:
    """Refuse ``for`` where it would say nothing, or let everything pass."""
    if measure.kind is Kind.COUNT and found.over is None:
        why = (
            f"{measure.word} only grows, so it does not hold again: leave for out, or give it a window (over)"
        )
        raise scan.error(place, why)
    if measure.unit is Unit.PER_SECOND and sign == "==" and not limit and found.over is None:
        why = f"== 0 says that {measure.word} never happens, and for lets it happen"
        raise scan.error(place, why, f"Take for out, or write {measure.word} < 1/s for ...")


def _check_abort(scan: Scanner, place: int, measure: Measure, sign: str, found: Suffixes) -> None:
    """Refuse ``abort`` where there is nothing to stop for."""
    if found.warns:
        raise scan.error(place, "what only warns cannot abort: take warn or abort")
    if measure.kind is Kind.COUNT and sign in (">", ">=", "!=") and found.over is None:
        why = f"{measure.word} may grow to the end, when nothing is left to abort; give it a window (over)"
        raise scan.error(place, why)
