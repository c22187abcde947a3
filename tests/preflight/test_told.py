"""What a person reads of a preflight, and what a program and a pipeline do."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

from rampdeck.model import Instant
from rampdeck.preflight.check import Definition, Found, check, failed, ok, skipped, unknown, warning
from rampdeck.preflight.inspection import Inspection, PreflightView
from rampdeck.preflight.junit import as_junit
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.told import as_json, summary, text
from tests.record.test_junit import faults

from .stacks import stack

PASTE = "psql --host 10.0.0.5 --port 5432 --username postgres --dbname shop -c 'GRANT pg_monitor TO monitor;'"


def finding(name: str, *found: Found) -> Definition:
    @check(name, name.title(), expected="as it should be", why="it matters", effect="the record lacks it")
    async def look(_: Stack) -> tuple[Found, ...]:
        return found

    return look


async def view_of(*definitions: Definition) -> PreflightView:
    return await Inspection(stack(), definitions).run()


async def everything() -> PreflightView:
    return await view_of(
        finding("a.fine", ok("there", "app-1"), ok("there, too", "app-2")),
        finding("a.weak", warning("thin", "feed it", "db")),
        finding("b.bad", failed("gone", PASTE, "db")),
        finding("b.dark", unknown("no answer", "look there", "cache")),
        finding("c.left", skipped("no Nginx")),
    )


async def test_each_check_has_its_line_and_what_is_wrong_says_what_to_do() -> None:
    said = text(await everything())
    lines = said.splitlines()
    assert [line[0] for line in lines if line[:1].strip()][:6] == ["●", "●", "○", "▲", "?", "✖"]
    assert len({line.index("app-") for line in lines if "app-" in line}) == 1, "places stand below each other"
    for part in (
        "expected as it should be",
        "why      it matters",
        "do       feed it",
        "record   the record lacks",
    ):
        assert said.count(part) == (1 if "feed" in part else 3)
    assert f"do       {PASTE}\n" in said, "what is to be pasted stays whole"
    assert lines[-1].startswith("2 ok · 1 warning · 1 failed · 1 not known · 1 left out   in ")


async def test_of_many_that_are_left_out_only_the_names_are_told() -> None:
    left = [finding(f"c.left{number}", skipped("no Nginx", "Name it")) for number in range(4)]
    view = await view_of(finding("a.fine", ok("there")), *left)
    folded = text(view)
    assert "○ left out, --only NAME says why: c.left0, c.left1, c.left2, c.left3" in folded
    assert "no Nginx" not in folded
    assert text(view, reasons=True).count("no Nginx") == 4


async def test_a_narrow_terminal_is_not_written_past() -> None:
    title, host = "T" * 34, "postgres@staging"
    view = await view_of(finding(title, ok("the proxy waits longer than that " * 4, host)))
    lines = text(view, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert f"{host}: the proxy" in lines[0]


async def test_only_what_is_wrong_is_said_of_a_run_that_goes_on() -> None:
    said = text(await everything(), everything=False)
    assert "there, too" not in said
    assert "thin" in said
    assert text(await view_of(finding("a.fine", ok("there"))), everything=False) == ""


async def test_colours_are_for_a_terminal_only() -> None:
    assert "\x1b" not in text(await everything())
    assert "\x1b[1;31m✖\x1b[0m" in text(await everything(), colours=True)


async def test_what_a_server_wrote_reaches_nobody_as_it_came() -> None:
    hostile = failed(
        "\x1b[2Jpostgresql://shop:hunter2@db/shop\x07", "first line\nsecond\x1b]0;x\x07 line", "d\x1bb"
    )
    view = await view_of(finding("a.bad", hostile))
    written = text(view) + as_json(view, {}) + as_junit(view, Instant.now(), {})
    assert "hunter2" not in written
    assert "\x1b" not in written
    assert "u001b" not in written
    assert "first line\n" + " " * 13 + "second line" in text(view), "several steps stay several lines"


async def test_json_tells_every_check_in_stable_words() -> None:
    told = json.loads(as_json(await everything(), {"target": "https://staging", "exit": 1}))
    assert (told["schema"], told["target"], told["exit"], told["state"]) == (
        1,
        "https://staging",
        1,
        "failed",
    )
    assert told["counts"] == {"ok": 2, "warning": 1, "failed": 1, "unknown": 1, "skipped": 1}
    bad = next(one for one in told["checks"] if one["name"] == "b.bad")
    assert bad.pop("seconds") >= 0
    assert bad == {
        "name": "b.bad",
        "host": "db",
        "state": "failed",
        "expected": "as it should be",
        "found": "gone",
        "fix": PASTE,
        "title": "B.Bad",
        "why": "it matters",
        "effect": "the record lacks it",
        "because": "",
    }


async def test_a_pipeline_sees_failed_and_unknown_as_red_and_nothing_else() -> None:
    document = as_junit(await everything(), Instant.now(), {"target": "https://staging"})
    assert faults(document) == []
    cases = {
        case.get("name"): case[0].tag if len(case) else ""
        for case in ET.fromstring(document).iter("testcase")
    }
    assert cases == {
        "a.fine at app-1": "",
        "a.fine at app-2": "",
        "a.weak at db": "",
        "b.bad at db": "failure",
        "b.dark at cache": "error",
        "c.left at staging.example.com": "skipped",
    }
    assert "do: feed it" in document, "a warning is not lost, though it is green"


async def test_two_findings_at_one_place_are_two_cases() -> None:
    document = as_junit(await view_of(finding("a.two", ok("1", "db"), ok("2", "db"))), Instant.now(), {})
    assert faults(document) == []


async def test_a_preflight_without_checks_says_so() -> None:
    assert summary(await view_of()).startswith("nothing to look at")


async def test_what_a_failure_hides_is_named_below_it_and_told_no_second_time() -> None:
    dark = "app cannot be reached: no answer"
    host = replace(finding("a.host", failed(dark, "ssh app true", "app")), blinds=True)
    hidden = [finding(name, unknown(dark, "See there", "app")) for name in ("b.service", "c.clock")]
    view = await view_of(host, *hidden, hidden[0], finding("d.own", failed("gone", PASTE, "app")))
    said = text(view)
    assert said.count(dark) == 1
    assert "    hides    b.service, c.clock\n" in said
    assert said.endswith(summary(view))
    assert "2 failed · 2 not known" in said
    assert "C.Clock" in text(view, reasons=True), "whoever asks for a check by name is told of it"
    told = {one["name"]: one["because"] for one in json.loads(as_json(view, {}))["checks"]}
    assert told == {"a.host": "", "b.service": "a.host at app", "c.clock": "a.host at app", "d.own": ""}
