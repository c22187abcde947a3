"""Whatever a server wrote comes out as one printable line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampdeck.text import SUBSTITUTE, clean


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("[INFO] GET /orders/ 200", "[INFO] GET /orders/ 200"),
        ("\x1b[31;1mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[2J\x1b[Hcleared", "cleared"),
        ("\x9b31mred", "red"),
        ("\x1bcreset", "reset"),
        ("\x1b]0;never ended", ""),
        ("a\tb\r\nc\nd", "a b c d"),
        ("NUL\0here", f"NUL{SUBSTITUTE}here"),
        ("bell\x07", f"bell{SUBSTITUTE}"),
        ("turned \u202etxet", f"turned {SUBSTITUTE}txet"),
        ("no UTF-8 \udcff", f"no UTF-8 {SUBSTITUTE}"),
        ("zero\u200bwidth", f"zero{SUBSTITUTE}width"),
        ("漢字 żółw é", "漢字 żółw é"),
        ("line\u2028separator", "line separator"),
        ("no\xa0break, wide\u3000blank", "no break, wide blank"),
    ],
)
def test_a_line_is_made_printable(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_a_megabyte_is_cut() -> None:
    cut = clean("x" * 1_000_000, most=100)
    assert cut == "x" * 99 + "…"
    assert clean("x" * 100, most=100) == "x" * 100


def test_an_escape_at_the_cut_goes_whole() -> None:
    assert clean("x" * 98 + "\x1b[31m" + "y" * 500, most=100) == "x" * 98 + "y" + "…"


@given(st.text(st.characters(codec=None), max_size=300), st.integers(1, 200))
def test_no_text_gets_through(text: str, most: int) -> None:
    cleaned = clean(text, most)
    assert len(cleaned) <= most
    assert all(character.isprintable() for character in cleaned)
    cleaned.encode()
