"""What changed during a run is a finding with both values; another system under test takes the PASS away."""

from __future__ import annotations

from rampdeck.facts import FactPair, known, unknown
from rampdeck.record.changes import doubts, findings


def pair(name: str, title: str, start: str, end: str, *, moves: bool = False) -> FactPair:
    first, last = (known(name, title, value, f"asked {value}", moves=moves) for value in (start, end))
    return FactPair(f"{first.kind}@web", first, last)


def test_a_commit_that_changed_is_told_with_both_and_where_they_are_from() -> None:
    pairs = [pair("release.commit", "Commit", "8f3c1d2", "1a2b3c4")]
    (finding,) = findings(pairs)
    assert (finding.layer, finding.severity) == ("release", "warning")
    assert finding.text == "Commit changed during the run"
    assert finding.evidence == ("at the start 8f3c1d2 (asked 8f3c1d2)", "at the end 1a2b3c4 (asked 1a2b3c4)")
    assert doubts(pairs) == ("Commit changed during the run: 8f3c1d2 → 1a2b3c4",)


def test_what_moves_by_itself_is_told_but_is_no_doubt() -> None:
    pairs = [
        pair("postgres.database_size", "database size", "11 MB", "12 MB", moves=True),
        pair("gunicorn.worker_pids", "workers' process ids", "1, 2", "1, 3", moves=True),
    ]
    assert doubts(pairs) == ()
    size, workers = findings(pairs)
    assert size.severity == "notice"
    assert workers.severity == "warning"
    assert workers.text == "gunicorn@web: workers were restarted during the run"


def test_what_is_not_known_twice_has_not_changed() -> None:
    fact = known("nginx.config_sha256", "configuration", "abc", "")
    pairs = [FactPair("nginx@web", fact, unknown(fact.name, fact.title, "blind")), FactPair("x", fact, None)]
    assert list(findings(pairs)) == []
    assert doubts(pairs) == ()
