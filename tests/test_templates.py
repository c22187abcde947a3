"""Lines that are alike have one template, and lines that are not do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampdeck.templates import CACHED, GAP, LONGEST, template
from tests.collectors.fuzzing import fuzz


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Worker (pid:4242) exited with code 1.", "Worker (pid:7) exited with code 3."),
        ("Internal Server Error: /orders/17/", "Internal Server Error: /orders/3/"),
        (
            "order 550e8400-e29b-41d4-a716-446655440000 lost",
            "order 123e4567-e89b-12d3-a456-426614174000 lost",
        ),
        ("took 0.125 s", "took 12 s"),
        ("peer 10.0.0.7:443 gone", "peer 192.168.100.200:8080 gone"),
        ("at 2026-09-20 10:01:02,123 retry", "at 2027-01-02 23:59:59,999 retry"),
        ("commit 8f3c1d2 deployed", "commit 0a1b2c3 deployed"),
        ("at 0x7f61 in heap", "at 0xffff0a in heap"),
        ("no user 'anna' here", "no user 'bob' here"),
        ('cannot read "a b.txt"', 'cannot read "c.txt"'),
        ("session sk_live_4eC39HqLyjWDarjtT1zdp7dc ended", "session sk_live_9aB39HqLyjWDarjtT1zdp7zz ended"),
        ("item7 is out of stock", "item12 is out of stock"),
        ("Oops: 1\nTraceback\n  a\nValueError: 7", "Oops: 2\nTraceback\n  b\n  c\nValueError: 8"),
    ],
)
def test_what_changes_from_line_to_line_is_taken_out(one: str, other: str) -> None:
    assert template(one) == template(other)
    assert GAP in template(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Internal Server Error: /orders/1/", "Internal Server Error: /login/"),
        ("worker is gone", "worker is back"),
        ("the user's cart isn't empty", "the user's bill isn't empty"),
        ("facade", "decade"),
        ("Oops\nValueError: 7", "Oops\nKeyError: 7"),
    ],
)
def test_what_says_something_else_stays_apart(one: str, other: str) -> None:
    assert template(one) != template(other)


def test_a_flood_of_lines_that_are_all_different_is_not_remembered_for_ever() -> None:
    from rampdeck import templates

    for number in range(3 * CACHED):
        template("".join(chr(97 + int(digit)) for digit in str(number)))
    assert len(templates._shapes) <= CACHED


@fuzz
@given(st.text(alphabet=st.characters(), max_size=400) | st.text("0a-:.,'\"/ \n", max_size=400))
def test_any_text_has_a_template_of_bounded_length(text: str) -> None:
    found = template(text)
    assert found == template(text)
    assert len(found) <= 2 * LONGEST + 1
    assert not any(digit in found for digit in "123456789")
    found.encode()
