"""The screen that the bench reads off a program's bytes."""

from __future__ import annotations

import pytest

from bench.runs import shows
from bench.vt import Screen


def drawn(*parts: bytes) -> Screen:
    screen = Screen(20, 4)
    for part in parts:
        screen.feed(part)
    return screen


def test_text_stands_where_the_cursor_was_moved() -> None:
    assert drawn(b"\x1b[2;3Hab\x1b[1mc\x1b[0m\r\nd").rows == ["", "  abc", "d", ""]


def test_a_sequence_and_a_character_may_come_in_pieces() -> None:
    whole = "\x1b[2;5H→ 201\x1b]0;title\x07!".encode()

    pieces = drawn(*(whole[index : index + 1] for index in range(len(whole))))

    assert pieces.rows == drawn(whole).rows == ["", "    → 201!", "", ""]


def test_erasing_takes_away_what_it_should() -> None:
    assert drawn(b"abcdef\x1b[1;3H\x1b[K").rows[0] == "ab"
    assert drawn(b"abcdef\x1b[1;3H\x1b[1K").rows[0] == "   def"
    assert drawn(b"abc\x1b[2J").painted == 0


def test_wide_characters_take_two_cells() -> None:
    assert drawn("日本\x1b[1;5Hx".encode()).rows[0] == "日本x"


def test_only_a_program_that_took_the_screen_has_painted_it() -> None:
    taken = drawn(b"Traceback ...", b"\x1b[?1049h")

    assert not drawn(b"Traceback ...").full
    assert taken.full
    assert taken.painted == 0


@pytest.mark.parametrize("bar", ["users 201", "users 200 → 201 (+5/s)", "users 1 200 -> 201"])
def test_a_target_is_found_in_the_top_bar(bar: str) -> None:
    screen = Screen(80, 4)
    screen.feed(f" RUNNING  {bar}".encode())

    assert shows(201)(screen)
    assert not shows(20)(screen)
    assert not shows(200)(screen)
