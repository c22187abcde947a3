"""The Markdown record is read in pull requests: the verdict first, nothing of others comes alive."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rampdeck.record.gfm import code, details, prose, table
from rampdeck.record.html import Page, html
from rampdeck.record.junit import junit
from rampdeck.record.markdown import markdown
from rampdeck.record.result import Decision, Result
from rampdeck.record.thresholds import sentence
from rampdeck.snapshot import Coverage, ThresholdState, Verdict
from tests.record.made import results
from tests.record.pages import page
from tests.record.parts import BEGAN, pair
from tests.record.rendered import harm, headings, tables, tokens
from tests.record.scenes import SCENES, failed, passed

PIECES = st.sampled_from(
    ["@all", "#12", "http://x", "www.x.y", "a@b.c", ":tada:", "$x$", "`", "``", "|", "\\", "*", "_", "~",
     "<b>", "</details>", "<!-- ", "[x](y)", "![i](j)", "&lt;", "GH-1", "!3", "- ", "# ",
     "> ", "1. ", "---", "===", "x", " "]
)  # fmt: skip
WILD = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30)
HEADINGS = [
    "## Thresholds",
    "## Load levels",
    "## What broke first",
    "## Can this run be trusted?",
    "## Before the load",
    "## Capacity",
    "## Requests",
    "## Worst errors",
    "## What the logs said",
    "## Release",
    "## Facts",
    "## In detail",
]


def plain(text: str) -> str:
    """What a reader sees of one paragraph."""
    return "".join(token.content for token in tokens(text) if token.type in ("text", "code_inline"))


def test_the_verdict_is_first_and_what_matters_comes_before_what_is_long() -> None:
    found = headings(markdown(failed()))
    assert found[0] == "# ✖ FAIL: checkout-peak"
    assert [one for one in found if one.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("name", SCENES)
def test_nothing_that_others_wrote_comes_alive(name: str) -> None:
    text = markdown(SCENES[name]())
    assert list(harm(text)) == []
    assert all(rows for rows in tables(text))
    for rows in tables(text):
        assert len({len(row) for row in rows}) == 1, rows[0]


def test_a_hostile_record_has_the_headings_and_the_tables_of_a_harmless_one() -> None:
    harmless, hostile = markdown(failed()), markdown(SCENES["hostile"]())
    own = [one for one in headings(hostile) if one.startswith("## ")]
    assert own == [*HEADINGS[:6], "## Pace", *HEADINGS[6:]]
    assert len(tables(hostile)) == len(tables(harmless))
    assert hostile.count("<details>") - hostile.count("`<details>") == hostile.count("\n<details>\n")


@given(results())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
def test_every_result_whatever_it_holds_is_harmless(result: Result) -> None:
    text = markdown(result)
    assert list(harm(text)) == []
    for rows in tables(text):
        assert len({len(row) for row in rows}) == 1


@given(WILD)
@settings(max_examples=300, deadline=None)
def test_prose_is_one_paragraph_of_text_wherever_it_stands(text: str) -> None:
    for before in ("", "- ", "> ", "1. ", "Said: "):
        written = f"{before}{prose(text)}\n"
        assert list(harm(written)) == []
        assert headings(written) == []
        assert (
            len([token for token in tokens(written) if token.type in ("paragraph_open", "hr", "fence")]) <= 1
        )


@given(WILD)
@settings(max_examples=300, deadline=None)
def test_a_code_span_shows_its_text_and_nothing_else(text: str) -> None:
    written = code(text)
    shown = [token.content for token in tokens(f"a {written} b") if token.type == "code_inline"]
    assert list(harm(written)) == []
    if written != "-":
        assert len(shown) == 1


@given(st.lists(st.tuples(WILD, WILD), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_no_cell_parts_its_row(rows: list[tuple[str, str]]) -> None:
    written = table(("Code", "Prose"), [(code(one), prose(two)) for one, two in rows], 2)
    (found,) = tables(written)
    assert [len(row) for row in found] == [2] * (len(rows) + 2)
    assert list(harm(written)) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p95 < 800ms, error_rate ok", "p95 < 800ms, error_rate ok"),
        ("*a* _b_ <i> [x] `c` &lt;", r"\*a\* \_b\_ \<i> \[x\] \`c\` \&lt;"),
        ("ask @ada, see #12.", "ask `@ada`, see `#12`."),
        ("(postgres@db-1 was blind)", "(`postgres@db-1` was blind)"),
        ("got http://e.example/x, twice", "got `http://e.example/x`, twice"),
        ("# head", r"\# head"),
        ("1. one", r"1\. one"),
        ("0.1.0", "0.1.0"),
        ("-5 %", "-5 %"),
        ("a | b", r"a \| b"),
        ("costs $5", "costs `$5`"),
        ("12:21:00 UTC", "12:21:00 UTC"),
    ],
)
def test_prose_is_escaped_only_where_markdown_would_see_something(text: str, shown: str) -> None:
    assert prose(text) == shown
    assert plain(prose(text)) == text


@pytest.mark.parametrize("backslashes", range(5))
def test_a_pipe_behind_backslashes_stays_in_its_cell(backslashes: int) -> None:
    text = "a" + "\\" * backslashes + "| b"
    written = table(("Code", "Prose"), [(code(text), prose(text))], 2)
    (rows,) = tables(written)
    assert [len(row) for row in rows] == [2, 2, 2]
    assert "| b" in plain(prose(text))


def test_what_is_folded_is_still_markdown() -> None:
    written = details("Many", table(("A", "B"), [("1", "2")]))
    assert [len(rows) for rows in tables(written)] == [3]
    assert details("Many", "") == ""


def test_the_decision_stands_apart_from_what_was_computed() -> None:
    accepted, overruled = markdown(passed()), markdown(SCENES["overruled"]())
    assert "Decided: **PASS** by Ada Lovelace at 2026-11-22 12:41 UTC, as the gate has it." in accepted
    assert "> Released with 2026.11.2." in accepted
    assert overruled.startswith("# ✖ FAIL: checkout-peak")
    assert "Decided: **PASS** by Grace Hopper at 2026-11-22 12:42 UTC, **overruling the gate**" in overruled
    assert "Decided:" not in markdown(failed())


def test_a_decision_that_was_made_on_another_verdict_says_so() -> None:
    early = Decision(BEGAN, Verdict.FAIL, Verdict.INCONCLUSIVE, "Ada", "")
    assert "as the gate has it (it said INCONCLUSIVE when this was decided)" in markdown(
        replace(failed(), decision=early)
    )


def test_facts_that_were_asked_for_once_are_not_said_to_be_the_same_at_the_end() -> None:
    made = passed()
    assert "None of them was another at the end" in markdown(made)
    once = tuple(replace(pair, end=None) for pair in made.facts)
    text = markdown(replace(made, facts=once))
    assert "None of them was another at the end" not in text
    assert "They were asked for once only" in text


def test_a_limit_that_was_broken_for_less_than_counts_is_not_called_near() -> None:
    made = failed()
    briefly = replace(
        made.thresholds[2], expression="rps >= 10 for 30s", state=ThresholdState.WARN, worst=8.0, margin=-0.2
    )
    assert "▲ pass, broken briefly" in markdown(replace(made, thresholds=(briefly,)))
    assert sentence(briefly).startswith("rps >= 10 for 30s holds, broken only briefly: 8.0/s")
    assert "broken briefly" not in markdown(replace(made, thresholds=(replace(briefly, margin=0.1),)))


def test_a_margin_has_its_thousands_apart() -> None:
    wide = replace(failed().thresholds[2], margin=18.65)
    assert "| +1 865 % |" in markdown(replace(failed(), thresholds=(wide,)))


def test_a_threshold_shows_worst_margin_and_breaches() -> None:
    (row,) = [line for line in markdown(failed()).splitlines() if line.startswith("| `p95 < 800ms`")]
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "`p95 < 800ms`", "✖ **fail**", "step 3 (300 users)", "1 108 ms", "800 ms", "-38 %", "12:28:10",
        "3 min 29 s", "600",
    ]  # fmt: skip


def test_a_threshold_that_holds_now_and_failed_once_has_failed() -> None:
    made = failed()
    again = replace(made.thresholds[0], state=made.thresholds[2].state, value=312.0)
    text = markdown(replace(made, thresholds=(again,)))
    row = next(line for line in text.splitlines() if line.startswith("| `p95 < 800ms`"))
    assert "✖ **fail**" in row
    assert "1 108 ms" in row
    assert "312 ms" in row
    assert "At the end" in text


def test_unknown_is_never_told_as_passed() -> None:
    for name in ("blind", "no-load"):
        rows = [line for line in markdown(SCENES[name]()).splitlines() if "○ unknown" in line]
        assert len(rows) == 1
    assert "○ not measured" in markdown(SCENES["cut-off"]())


def test_only_what_was_seen_all_the_time_reads_100_percent() -> None:
    seen = (Coverage("a", 540.0, 540.0), Coverage("b", 540.0, 539.99), Coverage("c", 0.0, 0.0))
    text = markdown(replace(passed(), coverage=seen))
    shares = dict(re.findall(r"^\| `(\w)` +\| +([\d.]+ %|-) \|", text, re.MULTILINE))
    assert shares == {"a": "100 %", "b": "99.9 %", "c": "-"}


def test_a_fact_that_changed_stands_before_the_folded_table_with_both_values() -> None:
    facts = markdown(failed()).split("## Facts")[1].split("## In detail")[0]
    assert facts.strip().startswith("- **Workers** of `gunicorn@app-1` changed: `4` → `6`")
    assert "<summary>4 facts, 1 changed, 1 not known</summary>" in facts
    assert "not known: permission denied" in facts
    assert "None of them was another" in markdown(passed())


def test_a_fact_that_was_asked_for_once_is_no_change() -> None:
    once = replace(pair("a@b", "a.x", "X", "1", "2"), end=None)
    text = markdown(replace(passed(), facts=(once,)))
    assert "They were asked for once only" in text
    assert "| `1` " in text


def test_a_session_that_was_cut_off_says_so_at_the_top() -> None:
    head = markdown(SCENES["cut-off"]()).split("## ")[0]
    assert "**The session file ends before the session did" in head
    assert "ends before" not in markdown(passed())


def test_the_record_names_its_session_by_sum() -> None:
    assert f"Its sha256: `{passed().session_sha256}`." in markdown(passed())


def test_the_longest_breach_lasts_as_long_in_every_record_as_in_the_verdict() -> None:
    view = replace(failed().thresholds[0], longest=18.6)
    shown = replace(failed(), thresholds=(view,), steps=())
    for written in (markdown(shown), html(Page(shown, page().timeline)), junit(shown)):
        assert "18 s" in written
        assert "19 s" not in written
