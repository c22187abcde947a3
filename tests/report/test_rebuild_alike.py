"""Whatever happened in a session, its file gives the result of the run, by its sums and item by item."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from collectors import COLLECTORS
from rampdeck.collector import LINE_COUNTS
from rampdeck.config import Config
from rampdeck.gate import Gate
from rampdeck.histogram import Histogram
from rampdeck.levels.capacity import Capacity
from rampdeck.model import (
    Event,
    EventKind,
    Health,
    Instant,
    Pace,
    RequestBatch,
    RequestStats,
    Sample,
    Severity,
    SourceInfo,
    Step,
    Tick,
)
from rampdeck.record.conclude import Judged, draft_of
from rampdeck.record.outcome import KEY, Outcome
from rampdeck.record.result import Result
from rampdeck.report.rebuild import Kinds, rebuild
from rampdeck.session import Session
from rampdeck.store import Item, sums
from rampdeck.store.about import about
from rampdeck.store.database import Database
from rampdeck.trust import Trust
from tests.record import grounds

BEGAN = Instant(1_795_350_060.0, 1_000.0)
KINDS = Kinds.of(COLLECTORS)
SOURCES = ("generator@local", "host@web", "host@db", "postgres@db", "nginx@web", "gunicorn@web", "clock@web")
STAGES = ("", "baseline", "peak")
THRESHOLDS = (
    *("p95 < 300ms", "p50 < 200ms over 5s for 3s", "error_rate < 10%", "p99{name=/a/} < 800ms", "rps >= 5"),
    *("max{method=POST} < 600ms over 3s at peak", "requests >= 200", "failures < 30 warn"),
    *("host.cpu < 85% for 3s", "host.cpu{host=db} < 90% over 5s", "postgres.connections < 80%"),
    *("nginx.5xx == 0 at peak", "gunicorn.worker_timeout == 0", "p95{name=/b/} < 900ms abort after 3s"),
)
SIGNALS = ("restarted", "reloading", "worker_timeout", "stopping", "starting", "step", "upstream_timed_out")


class Chaos:
    """Makes up a session: load that comes and goes, sources that do, and everything in any order."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.calm = bool(seed % 2)  # nothing is slow then, only load and sources come and go
        self.at = BEGAN
        self.step: Step | None = None
        self.number = 0

    def items(self, seconds: int) -> Iterator[Item]:
        """Yield a session, second by second, with an end or cut off in the middle."""
        late = [name for name in SOURCES if self.chance.random() < 0.1]
        for name in SOURCES:
            if name not in late:
                yield from self._source(name)
        for _ in range(seconds):
            if self.chance.random() < 0.9 or self.step is None:
                yield from self._turn()
            if late and self.chance.random() < 0.1:
                yield from self._source(late.pop())
            for name in SOURCES:
                if name not in late:
                    yield from self._said(name)
            for length in self.chance.choice(((1.0,), (0.4, 0.6), (3.0,), (1.0, 0.1))):
                self.at = self.at.plus(length)
                yield self._batch(length)
            if self.chance.random() < 0.95:
                yield Tick(self.at, 5, beat=self.chance.random() < 0.9)
        if self.step is not None and self.chance.random() < 0.9:
            yield replace(self.step, ended=self.at)
        yield Tick(self.at.plus(0.5), 0)

    def _source(self, name: str) -> Iterator[Item]:
        kind, _, host = name.partition("@")
        yield SourceInfo(name, kind, host)
        if self.chance.random() < 0.8:
            yield self._health(name, Health.LIVE)

    def _health(self, name: str, health: Health) -> Event:
        fields = {"health": health.value}
        if health is Health.BLIND and self.chance.random() < 0.5:
            fields["since"] = f"{self.at.utc - self.chance.uniform(0, 20):.3f}"
        why = self.chance.choice(("", "refused", "timed out"))
        return Event(self.at, name, EventKind.HEALTH, Severity.NOTICE, why, fields=fields)

    def _turn(self) -> Iterator[Item]:
        chance, step = self.chance.random(), self.step
        if step is None or chance < 0.04:
            if step is not None:
                yield replace(step, ended=self.at)
            self.number += 1
            users, stage = self.chance.choice((5, 10, 50)), self.chance.choice(STAGES)
            self.step = Step(self.number, users, 5.0, "plan" if stage else "key", self.at, stage)
            yield self.step
        elif chance < 0.06:
            self.step = None
            yield replace(step, ended=self.at)
        elif step.reached is None:
            self.step = replace(step, reached=self.at)
            yield self.step
        elif step.measured_from is None:
            self.step = replace(step, measured_from=self.at)
            yield self.step

    def _batch(self, length: float) -> RequestBatch:
        users = self.step.users if self.step and self.chance.random() < 0.97 else 0
        entries = tuple(self._stats(*key) for key in (("GET", "/a/"), ("POST", "/a/"), ("GET", "/b/")))
        some = entries[: self.chance.choice((0, 1, 2, 3, 3, 3))]
        pace = Pace(5.0, 5.0, 5, 0.0, 5, 1.0, 5, 0, 0, Histogram.of([1.0])) if users == 10 else None
        return RequestBatch(self.at, length, users, some, pace)

    def _stats(self, method: str, name: str) -> RequestStats:
        middle = 20.0 if self.calm else self.chance.choice((20.0, 20.0, 20.0, 400.0, 1_000.0))
        times = [self.chance.lognormvariate(0, 0.5) * middle for _ in range(self.chance.randrange(30))]
        failed = times[: 0 if self.calm else self.chance.choice((0, 0, 0, 1, 5))]
        errors = {self.chance.choice(("500", "502")): len(failed)} if failed else {}
        killed = self.chance.choice((0, 0, 0, 2))
        good, bad = Histogram.of(times[len(failed) :]), Histogram.of(failed)
        every = Histogram.of(times)
        return RequestStats(method, name, good, bad, 100, errors, every, every, every, 1, killed, killed // 2)

    def _said(self, name: str) -> Iterator[Item]:
        chance = self.chance.random()
        if chance < 0.02:
            yield self._health(name, self.chance.choice(list(Health)))
        elif chance < 0.03:
            fields = {"from": f"{self.at.utc - 5:.3f}", "until": f"{self.at.utc:.3f}"}
            if self.chance.random() < 0.5:
                fields["dropped"] = "7"
            yield Event(self.at, name, EventKind.GAP, Severity.WARNING, "blind for 5.0 s", fields=fields)
        elif chance < 0.05:
            fields = {"signal": self.chance.choice(SIGNALS)}
            yield Event(self.at, name, EventKind.LOG, Severity.ERROR, "a signal", self.at.utc, fields)
        elif chance < 0.15:
            yield Event(self.at, name, EventKind.LOG, Severity.INFO, f"order {self.at.mono}", self.at.utc)
        if self.chance.random() < 0.9:
            yield Sample(self.at, name, self._values(name.partition("@")[0]))

    def _values(self, kind: str) -> dict[str, float]:
        chance = self.chance
        if kind == "clock":
            return {"offset": chance.uniform(-3, 3), "error": 0.4}
        values = {"cpu": chance.choice((20.0, 70.0, 95.0)), "steal": chance.choice((0.0, 0.0, 30.0))}
        values |= {"connections": chance.uniform(0, 90), "usable": chance.choice((100.0, 100.0, 0.0))}
        values |= {"5xx": float(chance.random() < 0.02), "worker_timeout": float(chance.random() < 0.01)}
        values |= {"cpu_percent": chance.choice((20.0, 20.0, 99.0)), "stamped": chance.choice((0.0, 1.0))}
        values |= {"499": float(chance.randrange(3)), "requests": float(chance.randrange(40))}
        if self.calm:
            calm = {"cpu": 20.0, "usable": 100.0, "5xx": 0.0, "worker_timeout": 0.0, "cpu_percent": 20.0}
            values |= {**calm, "steal": 0.0, "connections": 10.0}
        odd = chance.choice(("", "", "", "", "nan", "inf"))
        if odd:
            values[chance.choice(("cpu", "connections", "usable", "5xx"))] = float(odd)
        values = {key: value for key, value in values.items() if chance.random() < 0.97}
        lost = {"lines_suppressed": float(chance.random() < 0.02)}
        return values | dict.fromkeys(LINE_COUNTS, 1.0) | lost if kind in ("nginx", "gunicorn") else values


def lived(path: Path, seed: int) -> Result:
    """Let a session happen as a run lets it, write its file, and return the result that the run has."""
    chaos = Chaos(seed)
    settings = Config.model_validate({"collectors": [{"kind": "redis", "host": "db", "needed": False}]})
    gate, stored = Gate(THRESHOLDS, KINDS.metrics, settings.gate.warn_at), list[Item]()
    session, trust = Session(KINDS.views, stored.append), Trust.of(settings, gate.thresholds)
    gate.doubted = trust.doubted
    gate.attach(session)
    looked = BEGAN.mono
    for item in chaos.items(150):
        session.append(item)
        if isinstance(item, Tick):
            if item.beat:
                trust.observe(session, item.at.mono - looked)
                looked = item.at.mono
            gate.announce(item.at, session)
    closed = chaos.at.plus(1.0)
    outcome = Outcome(ended="run time", planned=True, closed=closed, peak=50)
    known = about(
        settings, title="chaos", host="", began=BEGAN, arguments=["run"], thresholds=gate.thresholds
    )
    checks = grounds.RED if seed % 3 else grounds.GREEN
    laid = grounds.meta(
        *checks, went_on=("django.migrations",) * (seed % 2), guard=grounds.refusals(9, 3).to_meta()
    )
    known = {**laid, **known, "environment": "staging"} if seed % 4 else known
    database = Database(path)
    database.write(stored, {**known, KEY: outcome.to_meta(), "ended": closed.utc})
    database.sum_up(session)
    database.close()
    judged = Judged(
        session=session,
        gate=gate,
        trust=trust,
        capacity=Capacity(session, gate, trust, outcome.target),
        outcome=outcome,
        title="chaos",
        host="",
        file=path,
        release=settings.release,
        meta=known,
    )
    return draft_of(judged, closed).finished()


def without_seal(result: Result) -> Result:
    return replace(result, session_sha256="")


@pytest.mark.parametrize("seed", range(12))
def test_a_file_gives_the_result_that_the_run_had(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "session.sqlite"
    live = lived(path, seed)
    assert live.total.requests > 1_000
    assert live.groundwork is not None
    quick = without_seal(rebuild(path, KINDS).result)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("DELETE FROM meta WHERE key = ?", (sums.KEY,)).rowcount == 1
        connection.commit()
    whole = without_seal(rebuild(path, KINDS).result)
    for name in Result.__dataclass_fields__:
        assert getattr(whole, name) == getattr(live, name), name
        assert getattr(quick, name) == getattr(live, name), name
