"""Test suites as JUnit XML: the document that pipelines read, whatever the tests are.

Valid by Jenkins's schema (junit-10.xsd) and by the one for Ant, which wants
every attribute there is and times without a zone: they are UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from rampdeck.model import Instant
from rampdeck.secrets import redact
from rampdeck.text import clean

_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Case:
    """A test; ``outcome`` is the element that tells of it, empty for one that passed."""

    name: str
    outcome: str = ""
    kind: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests that belong together; ``said`` is their output."""

    name: str
    seconds: float
    began: Instant
    cases: Sequence[Case]
    properties: Sequence[tuple[str, str]]
    said: Iterable[str]


def document(title: str, suites: Iterable[Suite]) -> str:
    """Return the document."""
    root = ET.Element("testsuites")
    for place, suite in enumerate(suites):
        _add(root, suite, place, _text(title) or "load test")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add(root: ET.Element, suite: Suite, place: int, title: str) -> None:
    outcomes = Counter(case.outcome for case in suite.cases)
    name = _text(suite.name)
    # A dot parts packages from classes; one of a title or a stage does not.
    package, short = title.replace(".", "_"), name.replace(".", "_")
    element = ET.SubElement(
        root,
        "testsuite",
        name=f"{title}: {name}",
        package=package,
        id=str(place),
        timestamp=moment(suite.began),
        hostname="localhost",
        tests=str(len(suite.cases)),
        failures=str(outcomes["failure"]),
        errors=str(outcomes["error"]),
        skipped=str(outcomes["skipped"]),
        time=f"{suite.seconds:.3f}",
    )
    properties = ET.SubElement(element, "properties")
    for key, value in suite.properties:
        if value:
            ET.SubElement(properties, "property", name=key, value=_text(value))
    seen: Counter[str] = Counter()
    for case in suite.cases:
        called = _text(case.name)
        seen[called] += 1
        again = f" ({seen[called]})" if seen[called] > 1 else ""
        added = ET.SubElement(
            element,
            "testcase",
            name=called + again,
            classname=f"{package}.{short}",
            time=f"{case.seconds:.3f}" if case.seconds else "0",
        )
        if case.outcome:
            outcome = ET.SubElement(added, case.outcome)
            if case.outcome != "skipped":
                outcome.set("type", _text(case.kind))
            outcome.set("message", _text(case.message))
            outcome.text = _lines(case.lines or (case.message,))
    ET.SubElement(element, "system-out").text = _lines(suite.said)
    ET.SubElement(element, "system-err")


def _text(text: str) -> str:
    """Return text as one line without what XML 1.0 forbids (section 2.2) and without secrets."""
    return redact(clean(text, _MOST))


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(_text(line) for line in lines)


def moment(instant: Instant) -> str:
    """Return a moment as these files write it, in UTC."""
    return datetime.fromtimestamp(instant.utc, UTC).strftime("%Y-%m-%dT%H:%M:%S")
