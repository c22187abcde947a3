"""The page of all checks, and the words of the checks themselves."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from rampdeck.preflight.check import Definition
from rampdeck.preflight.checks import ALL
from tests.preflight.checks_page import PAGE, page


def test_the_page_of_checks_is_what_the_checks_say() -> None:
    """If this fails: ``python -m tests.preflight.checks_page`` writes the page anew."""
    assert PAGE.read_text(encoding="utf-8") == "\n".join(page()) + "\n"


def test_every_check_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(one.name for one in ALL).items() if count > 1] == []


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_a_check_says_what_it_expects_why_and_what_the_record_lacks(check: Definition) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", check.name)
    assert check.title[:1].isupper()
    assert len(check.title) <= 38, "so that what was found has room beside it"
    assert check.expected
    assert check.why.endswith("."), "a sentence"
    assert check.effect
