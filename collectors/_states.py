"""States of a server that are worth an event: one when such a state begins, one when it is over.

What is beyond a limit is said at every reading, as an :class:`Alarm`; this makes
of it when something began and how long it lasted, so that a host that swaps is
two lines on the timeline and not one a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rampdeck.collector import Sink
from rampdeck.model import Severity
from rampdeck.view import Metric, Unit

QUIET = 10.0
"""Seconds without an alarm after which its state is over."""
BRIEF = 2.0
"""Seconds without an alarm after which a state that was too short to tell is forgotten."""
MOST = 20
"""Subjects of one signal that are told at the same time; more are not told one by one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A state: what it means, how bad it is, after how many seconds of alarm it is told.

    ``lasts`` is false for what is over at once: each alarm is an event. ``name``
    is what it is called when it is over, if the signal's name says too little.
    """

    help: str
    severity: Severity = Severity.WARNING
    after: float = 0.0
    lasts: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is beyond its limit at this reading.

    ``subject`` is what it is about where there are several (a disk, a session);
    ``figure`` is how bad it is, in ``unit``; ``text`` says it whole. ``tell`` is
    false while a worse one says it.
    """

    signal: str
    text: str
    figure: float = 0.0
    unit: str = ""
    subject: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    tell: bool = True


@dataclass(slots=True)
class _State:
    since: float
    last: float
    worst: float
    unit: str
    told: bool = False


class States:
    """The states of one source, from reading to reading; ``rules`` by signal."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self._states: dict[tuple[str, str], _State] = {}

    def read(self, at: float, alarms: Iterable[Alarm], sink: Sink) -> dict[str, float]:
        """Take the alarms of a reading at ``at`` (seconds of any one clock), and say what began and is over.

        Returns how many there are of each signal, 0 too: the metrics of this reading.
        """
        counts = dict.fromkeys(self._rules, 0.0)
        for alarm in alarms:
            counts[alarm.signal] += 1
            self._alarmed(at, alarm, sink)
        for key, state in list(self._states.items()):
            if at - state.last >= (QUIET if state.told else BRIEF):
                del self._states[key]
                if state.told:
                    _over(key, self._rules[key[0]].name, state, sink)
        return counts

    def _alarmed(self, at: float, alarm: Alarm, sink: Sink) -> None:
        rule = self._rules[alarm.signal]
        if not rule.lasts:
            _began(alarm, rule, sink)
            return
        fresh = _State(at, at, alarm.figure, alarm.unit)
        state = self._states.setdefault((alarm.signal, alarm.subject), fresh)
        state.last, state.worst = at, max(state.worst, alarm.figure)
        if state.told or not alarm.tell or at - state.since < rule.after:
            return
        told = sum(other.told for (signal, _), other in self._states.items() if signal == alarm.signal)
        if told < MOST:
            state.told = True
            _began(alarm, rule, sink)


def metrics(rules: Mapping[str, Rule]) -> tuple[Metric, ...]:
    """Return a metric for each signal, so that it can be a threshold."""
    return tuple(
        Metric(name, Unit.COUNT, f"{rule.help}; how many at this reading") for name, rule in rules.items()
    )


def _began(alarm: Alarm, rule: Rule, sink: Sink) -> None:
    fields = {"signal": alarm.signal, "state": "began" if rule.lasts else "once"}
    if alarm.subject:
        fields["subject"] = alarm.subject
    if alarm.figure:
        fields["figure"] = f"{alarm.figure:g}"
    sink.log(alarm.text, rule.severity, fields=fields | dict(alarm.fields), lines=0)


def _over(key: tuple[str, str], name: str, state: _State, sink: Sink) -> None:
    signal, subject = key
    seconds = state.last - state.since
    fields = {"signal": signal, "state": "over", "seconds": f"{seconds:.1f}", "most": f"{state.worst:g}"}
    if subject:
        fields["subject"] = subject
    of = f" of {subject}" if subject else ""
    most = f"; at most {state.worst:.3g}{state.unit}" if state.worst else ""
    text = f"{name or signal.replace('_', ' ')}{of}: over after {seconds:.0f} s{most}"
    sink.log(text, Severity.NOTICE, fields=fields, lines=0)
