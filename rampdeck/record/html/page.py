"""The result as one web page that needs nothing but itself: no font, no request, and no script to be read.

It reads light, dark and printed. Whatever others wrote is cleaned, redacted and
escaped; a policy in its head lets nothing run but our own script, told by its
hash, so that even a mistake in that does nothing.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from rampdeck.record import charts
from rampdeck.record.before import TITLE
from rampdeck.record.html import before, release, tables, trust
from rampdeck.record.html.data import data
from rampdeck.record.html.verdict import verdict
from rampdeck.record.html.words import items, note, text
from rampdeck.record.result import Result
from rampdeck.record.svg import picture
from rampdeck.record.timeline import Timeline

HERE = Path(__file__).parent
VENDOR = HERE.parent / "vendor" / "uplot"


@dataclass(frozen=True, slots=True)
class Page:
    """What the page is made of: the result, and the run over time; ``timeline_note`` says what it lacks."""

    result: Result
    timeline: Timeline
    timeline_note: str = ""


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the page under its heading; ``name`` is what it is called where it is linked to."""

    title: str
    name: str
    body: str

    @property
    def anchor(self) -> str:
        return self.name.lower()

    @property
    def html(self) -> str:
        return f'<section id="{self.anchor}"><h2>{self.title}</h2>\n{self.body}\n</section>'


@dataclass(frozen=True, slots=True)
class _Inline:
    """A style sheet or script, and the hash by which the policy knows it."""

    body: str

    @property
    def source(self) -> str:
        return f"'sha256-{b64encode(sha256(self.body.encode()).digest()).decode()}'"


def html(page: Page) -> str:
    """Return the page."""
    result = page.result
    style, library, own = _assets()
    drawn = charts.charts(result, page.timeline)
    lanes = charts.lanes(result, page.timeline)
    still = picture(page.timeline, drawn, lanes)
    sections = _sections(page, still)
    policy = (
        f"default-src 'none'; script-src {library.source} {own.source}; style-src {style.source}; "
        "base-uri 'none'; form-action 'none'"
    )
    scripts = (
        f'<script type="application/json" id="data">{data(page.timeline, drawn, lanes)}</script>\n'
        f"<script>{library.body}</script>\n<script>{own.body}</script>"
    )
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{result.result.value}: {text(result.title) or 'untitled'}</title>",
            f"<style>{style.body}</style></head><body>",
            _bar(sections),
            "<main>",
            verdict(result),
            *(section.html for section in sections),
            f"<footer>{note(release.origin(result))}</footer>",
            "</main>",
            scripts,
            "</body></html>",
            "",
        )
    )


def _sections(page: Page, still: str) -> list[_Section]:
    result = page.result
    found = [
        _Section("Timeline", "Timeline", _timeline(page, still)),
        _Section("Thresholds", "Thresholds", tables.thresholds(result.thresholds)),
        _Section(
            "Load levels",
            "Levels",
            tables.steps(result.steps) + _list(result.pacing) + tables.capacity(result.knee),
        ),
        _Section("Requests", "Requests", tables.requests(result)),
        _Section("Findings", "Findings", trust.findings(result.findings)),
        _Section("Worst errors", "Errors", tables.errors(result)),
        _Section("Can this run be trusted?", "Trust", trust.trust(result)),
        _Section(TITLE, "Before", before.section(result.groundwork)),
        _Section("Counted twice", "Counts", tables.counted_twice(result.counts)),
        _Section("What the logs said", "Logs", tables.said_by_logs(result)),
        _Section("Behind the load levels", "Behind", tables.behind(result)),
        _Section("Lines", "Lines", trust.lines(result.sources)),
        _Section("Release", "Release", release.fields(result)),
        _Section("Facts", "Facts", release.facts(result.facts)),
        _Section("Configuration", "Configuration", release.configuration(result)),
    ]
    return [section for section in found if section.body]


def _timeline(page: Page, still: str) -> str:
    line = page.timeline
    if not still:
        return ""
    wide = (
        note(
            f"A point is {line.width:.0f} s: its worst second of response times, the mean of the others; the "
            "pale band reaches from the lowest second to the highest."
        )
        if line.width > 1
        else ""
    )
    left_out = f'<p class="banner">▲ {text(page.timeline_note)}</p>' if page.timeline_note else ""
    return (
        f'{left_out}<div id="charts" hidden></div><div class="still">{still}</div>{wide}'
        '<noscript><p class="muted small">Without script this is a still picture; with it, it can be zoomed '
        "and read second by second.</p></noscript>"
    )


def _bar(sections: list[_Section]) -> str:
    links = "".join(f'<a href="#{section.anchor}">{section.name}</a>' for section in sections)
    return (
        f'<nav aria-label="Parts of this report"><a href="#verdict" class="brand">Rampdeck</a>{links}'
        '<button id="theme" type="button" hidden>Light or dark</button></nav>'
    )


def _list(sentences: tuple[str, ...]) -> str:
    return items(text(sentence) for sentence in sentences)


@cache
def _assets() -> tuple[_Inline, _Inline, _Inline]:
    """Return the style sheet, the charting library and our own script."""
    dark = (HERE / "dark.css").read_text(encoding="utf-8")
    style = "\n".join(
        (
            (VENDOR / "uPlot.min.css").read_text(encoding="utf-8"),
            f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{\n{dark}}} }}',
            f':root[data-theme="dark"] {{\n{dark}}}',
            (HERE / "report.css").read_text(encoding="utf-8"),
        )
    )
    licence = (VENDOR / "LICENSE").read_text(encoding="utf-8")
    library = f"/*!\n{licence}*/\n" + (VENDOR / "uPlot.iife.js").read_text(encoding="utf-8")
    own = (HERE / "charts.js").read_text("utf-8") + (HERE / "report.js").read_text("utf-8")
    return _Inline(style), _Inline(library), _Inline(own)
