"""What the session noticed by itself: breaches, signals in the logs, blind sources, broken scenario code.

Facts with their evidence, the worst first, and among these what came first: by
this machine's clock, the offsets of the hosts taken off. What caused what is
not judged here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rampdeck.clocks import KIND as CLOCK
from rampdeck.clocks import ahead
from rampdeck.facts import FactPair
from rampdeck.format import in_utc as _clock
from rampdeck.format import were
from rampdeck.gate.words import told
from rampdeck.levels.knee import Knee
from rampdeck.model import OTHER_NAMES, Event, Severity
from rampdeck.reconcile import UNCOUNTED, Counts
from rampdeck.record import changes, clocks
from rampdeck.record.counted import mismatches
from rampdeck.record.result import Finding
from rampdeck.session import Gap, Session, Source
from rampdeck.snapshot import ThresholdView

GAPS_SHOWN = 5
"""Gaps of a source that its finding lists; its entry among the sources has all."""
NOTED = 0.5
"""Seconds from which a log's own time is told beside ours."""
BLOCKS_SHOWN = 10
"""Places that held the loop up which are listed."""
_HOW_LONG = re.compile(r"\Ablind for [\d.]+ s")
_SLEW = "Let NTP slew the clock instead of setting it; times before and after do not fit together"
_ORDER = ("error", "warning", "notice")
_ADVICE = {
    "worker_lost": "Read its last lines in the workers' log; its users went to the others",
    "worker_idle": "Look at what held the cockpit up then, or the network between it and the worker",
    "worker_timeout": "Look at what the workers wait for at that time: PostgreSQL waits, a slow endpoint",
    "worker_killed": "What the timeout before it says; the worker did not even answer the first signal",
    "out_of_memory": "Look for the kernel's OOM killer (journalctl -k); else somebody sent SIGKILL",
    "worker_crashed": "A segmentation fault is a C extension's: look for its core dump (coredumpctl)",
    "worker_restarted": "Each takes the place of a worker that was lost: see why, and what it was at",
    "request_timed_out": "These are the requests that made workers time out: look at their queries first",
    "boot_failed": "The release does not start: read the traceback in its log",
    "config_changed": "It was reloaded or scaled meanwhile: the levels do not test one configuration",
    "database_full": "Workers x threads x CONN_MAX_AGE exceed max_connections: lower them, or pool",
    "csrf": "The scenario, or CSRF_TRUSTED_ORIGINS; if it begins in mid-run, look at Redis: sessions vanish",
    "host_refused": "The load's address is not in ALLOWED_HOSTS",
    "restarted": "Its own log says who stopped it or what it died of; then repeat the run",
    "rebooted": "Its journal says why (journalctl -b -1 -e); then repeat the run",
    "failed_over": "The log of the old master says why; the run has tested two servers",
    "steal_high": "Take a host whose processors are its own, or repeat while its neighbours are quiet",
    "lines_lost": "Raise RateLimitBurst= in journald.conf; what the log did not say is not known",
    "overloaded": "Uvicorn's limit_concurrency is reached: more workers, or a higher limit",
    "upstream_timed_out": "The application is slower than proxy_read_timeout: look at workers and waits",
    "upstream_refused": "Gunicorn is down or its backlog is full",
    "upstream_prematurely_closed": "A worker died in mid-request: look at Gunicorn at that second",
    "worker_connections": "Raise Nginx's worker_connections; a proxied request takes two",
    "connections_high": "Fewer workers, a smaller CONN_MAX_AGE, or a pool; the pane says who has them",
    "connections_exhausted": "Fewer workers, a smaller CONN_MAX_AGE, or a pool before PostgreSQL",
    "idle_in_transaction_long": "The application waits in a transaction: ATOMIC_REQUESTS, another service",
    "lock_waits": "Commit sooner what the named session holds, or lock rows in one order",
    "deadlocks": "Change the same rows in the same order; the server's log has both statements",
    "temp_files": "A larger work_mem for that role, or an index that brings the rows in order",
    "sessions_fatal": "The server's log says which error ended them",
    "sessions_abandoned": "Workers were killed or left without closing: look at Gunicorn at that second",
    "checkpoints_requested": "Raise max_wal_size",
    "hidden": "Grant pg_monitor to the role that Rampdeck uses",
    "upstream_connect_timed_out": "The application takes no connection: see its backlog, and somaxconn",
    "upstream_queue_full": "The application's accept queue is full: more workers, or a larger backlog",
    "upstream_ports_exhausted": "No local port is left for connections to the application: use keepalive",
    "no_live_upstreams": "All backends are marked as failed: see why the first one was, and max_fails",
    "worker_connections_low": "Nginx is close to its worker_connections; a proxied request takes two",
    "too_many_files": "Raise LimitNOFILE of the service, and Nginx's worker_rlimit_nofile",
    "worker_died": "A process of Nginx itself crashed: look for its core dump, and for modules",
    "clock_step": _SLEW,
    "step": _SLEW,
    "limiting": "Nginx's rate limit hits the generator's address, not the product: exempt it",
}


def findings(
    session: Session,
    thresholds: Sequence[ThresholdView],
    exceptions: Mapping[str, int],
    knee: Knee | None = None,
    counts: Counts = UNCOUNTED,
    pairs: Sequence[FactPair] = (),
) -> tuple[Finding, ...]:
    """Return what was found out, the worst first."""
    found = [
        *_breaches(thresholds),
        *_recovery(knee),
        *_exceptions(exceptions),
        *_names(session),
        *_plain_workers(session),
        *_blocks(session),
        *mismatches(counts),
        *clocks.findings(session.clocks),
        *changes.findings(pairs),
        *(finding for source in session.sources.values() for finding in _of_source(source, session)),
        *_gaps(session.sources.values()),
    ]
    return tuple(sorted(found, key=_rank))


def _rank(finding: Finding) -> tuple[int, float]:
    return _ORDER.index(finding.severity), math.inf if finding.since is None else finding.since


def _breaches(thresholds: Sequence[ThresholdView]) -> Iterator[Finding]:
    for view in thresholds:
        if view.failed:
            since = f"since {_clock(view.first_breach.utc)}" if view.first_breach else ""
            where = f", {view.where}" if view.where else ""
            value = f"worst {told(view.worst, view.unit, view.limit)}{where}"
            evidence = tuple(piece for piece in (value, since) if piece)
            began = view.first_breach.utc if view.first_breach else None
            # Of a source it says which one, as kind@host.
            source, at, _ = view.where.partition("@")
            layer = source.partition(":")[0] if at else "requests"
            severity = "warning" if view.warns else "error"
            yield Finding(layer, severity, f"{view.expression} was breached", evidence, since=began)


def _recovery(knee: Knee | None) -> Iterator[Finding]:
    if knee is not None and knee.recovery is not None and not knee.recovery.recovered:
        back = knee.recovery
        text = f"the system did not recover at {back.users} users after {back.after} had failed"
        advice = "Look for what outlives the load: queues, locks, exhausted pools, retries"
        yield Finding(
            "requests", "error", text, (f"step {back.step} failed; its level passed before",), advice
        )


def _exceptions(exceptions: Mapping[str, int]) -> Iterator[Finding]:
    for text, count in sorted(exceptions.items(), key=lambda pair: -pair[1])[:5]:
        advice = "The scenario log has the traceback"
        times = "once" if count == 1 else f"{count} times"
        yield Finding("scenario", "error", f"the scenario's own code raised {times}", (text,), advice)


def _names(session: Session) -> Iterator[Finding]:
    if any(name == OTHER_NAMES for _, name in session.book.whole.names):
        advice = 'Give requests that are alike one name, as in client.get(url, name="/orders/[id]")'
        yield Finding(
            "scenario", "warning", f"too many request names: some share “{OTHER_NAMES}”", (), advice
        )


def _plain_workers(session: Session) -> Iterator[Finding]:
    for source in session.sources.values():
        if source.info.kind == "workers" and (plain := round(source.highest.get("plain", 0.0))):
            text = plain_words(plain, round(source.highest.get("here", 0.0)))
            yield Finding("workers", "warning", text, (), "Start them with: rampdeck worker")


def plain_words(plain: int, there: int) -> str:
    """Return what workers that are plain Locust mean for the percentiles."""
    are = "is" if plain == 1 else "are"
    return f"{plain} of {there} workers {are} plain locust: percentiles are Locust's, rounded to two digits"


def _blocks(session: Session) -> Iterator[Finding]:
    """Return what held the generator's loop up, the dearest first."""
    told = sorted(session.blocked.values(), key=lambda event: -float(event.fields["total"]))
    for event in told[:BLOCKS_SHOWN]:
        count, longest = int(event.fields["count"]), float(event.fields["longest"])
        times = "once" if count == 1 else f"{count} times"
        ours = event.fields["origin"] != "scenario"
        evidence = (f"longest {longest * 1000:.0f} ms, together {float(event.fields['total']):.1f} s",)
        advice = "" if ours else "Compute it before the load, and wait with what yields to gevent"
        waited = "every user there waited" if event.fields.get("worker") else session.who_waited
        text = f"the loop stood still {times} {event.fields['place']}; {waited}"
        yield Finding("generator", "notice" if ours else "warning", text, evidence, advice)


def _of_source(source: Source, session: Session) -> Iterator[Finding]:
    name, kind = source.info.name, source.info.kind
    for (signal, severity), count in source.signals.most_common():
        if kind == CLOCK and signal == "far_off":
            continue  # told with the worst of it
        first = source.first[signal]
        evidence = [_first(first, session)]
        if signal == "client_gave_up" and (own := session.ours.counted[name]):
            count -= own
            evidence.append(f"{own} more are ours: requests that we cut off")
            if count <= 0:
                continue
        words = signal.replace("_", " ")
        text = f"{name}: {words}, {count} {'time' if count == 1 else 'times'}"
        weight = "error" if severity <= Severity.ERROR else "warning"
        yield Finding(kind, weight, text, tuple(evidence), _ADVICE.get(signal, ""), session.when(first))


def _gaps(sources: Iterable[Source]) -> Iterator[Finding]:
    """Return when which sources saw nothing; those that lost their host together are one finding."""
    together: dict[tuple[str, tuple[str, ...]], list[Source]] = {}
    for source in sources:
        if source.gaps:
            reasons = tuple(_HOW_LONG.sub("blind", gap.why) for gap in source.gaps)
            together.setdefault((source.info.host, reasons), []).append(source)
    for (_, reasons), alike in together.items():
        if any(reason.startswith("blind") for reason in reasons):
            yield _gap(alike)
        else:
            yield from (_gap([source]) for source in alike)


def _gap(sources: Sequence[Source]) -> Finding:
    first = min(sources, key=lambda source: source.gaps[0].begin)
    count = len(first.gaps) + first.gaps_left_out
    spans = tuple(_span(gap) for gap in first.gaps[:GAPS_SHOWN])
    left = (f"and {count - GAPS_SHOWN} more",) if count > GAPS_SHOWN else ()
    names = [source.info.name for source in sources]
    if any(gap.why.startswith("blind") for gap in first.gaps):
        text = f"{were(names)} blind {'once' if count == 1 else f'{count} times'}"
    else:
        text = f"{names[0]} has {'a gap' if count == 1 else f'{count} gaps'}"
    layer = first.info.kind if len(sources) == 1 else "host"
    return Finding(layer, "warning", text, (*spans, *left), since=first.gaps[0].begin)


def _first(event: Event, session: Session) -> str:
    """Return when a signal came first: by our clock, and by its log's where that differs."""
    when = session.when(event)
    text = f"first at {_clock(when)}"
    if event.sent is None or abs(event.sent - when) < NOTED:
        return text
    return f"{text}, which is {_clock(event.sent)} in its log: its clock is {ahead(event.sent - when)}"


def _span(gap: Gap) -> str:
    until = _clock(gap.until) if gap.until is not None else "the end"
    return f"{_clock(gap.begin)} to {until}" + (f": {gap.why}" if gap.why else "")
