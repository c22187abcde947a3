"""Measured seconds, and those of them in which something was amiss.

What was amiss in more than a tenth of a load level's seconds marks the level,
and a mark turns PASS into INCONCLUSIVE.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rampdeck.changes import Change
from rampdeck.format import were
from rampdeck.health import Excess
from rampdeck.session import Source

BLIND_SHARE = 0.10
"""Share of the measured seconds that a source may be blind before it is a doubt."""
MOST_TOLD = 5
"""Load levels of which a run says one by one what was amiss; of the others it says how many there were."""
OUTLIER = 3.0
"""How often as long as any other a stretch without an answer is that no pauses of the users explain."""
EXPECTED = 20.0
"""Requests that would have ended in such a stretch at the rate of the others; none by chance."""
KINDS = ("blind", "missing", "hung", "missed", "doubted", "stolen", "tainted")
"""What is told level by level."""
_HUNG = "what hangs is in no response time until it ends"
_MISSING = "the scenario ended them, or they failed to start"


@dataclass(slots=True)
class Stolen:
    """Seconds in which a hypervisor took too much of a host's processor, and how much on average."""

    seconds: float = 0.0
    percent: float = 0.0

    def add(self, seconds: float, percent: float) -> None:
        """Take in some seconds more."""
        self.seconds += seconds
        self.percent += (percent - self.percent) * seconds / self.seconds


class Quiet:
    """The stretches of a level in which no request ended: the two longest, and the one at hand."""

    def __init__(self) -> None:
        self._requests = 0
        self._at_hand = 0.0
        self._over = [0.0, 0.0]

    def add(self, seconds: float, requests: int) -> None:
        """Take in some seconds, at whose end so many requests of the level had ended in all."""
        if requests == self._requests:
            self._at_hand += seconds
            return
        self._over = sorted((*self._over, self._at_hand))[1:]
        self._requests, self._at_hand = requests, 0.0

    def longest(self, measured: float) -> float:
        """Return how long the longest was, if the users' own pauses do not explain it, else 0."""
        *_, other, longest = sorted((*self._over, self._at_hand))
        if measured <= longest or longest < OUTLIER * max(other, 1.0):
            return 0.0
        return longest if self._requests / (measured - longest) * longest >= EXPECTED else 0.0


@dataclass
class Span:
    """Measured seconds, of a load level or of all of them, and what was amiss in how many."""

    name: str = ""
    measured: float = 0.0
    short: float = 0.0
    quiet: Quiet = field(default_factory=Quiet)
    missed: str = ""
    bereft: list[str] = field(default_factory=list)
    final: tuple[str, ...] | None = None  # the marks, once the level has ended
    blind: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    why: defaultdict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    excess: defaultdict[Excess, float] = field(default_factory=lambda: defaultdict(float))
    stolen: defaultdict[str, Stolen] = field(default_factory=lambda: defaultdict(Stolen))
    changes: list[Change] = field(default_factory=list)

    def too_long(self, seconds: float) -> bool:
        """Tell whether this is too much of the measured seconds."""
        return seconds > BLIND_SHARE * self.measured

    def add_blind(self, source: Source, seconds: float) -> None:
        """Note that a source was not seen, and why."""
        why = self.why[source.info.name]
        self.blind[source.info.name] += seconds
        why[source.reason] = why.get(source.reason, 0.0) + seconds

    def marks(self) -> Iterator[str]:
        """Return everything that was amiss for too long; changes have their own list."""
        yield from (text for _, text in self.excesses())
        yield from self.blindness()
        yield from self.missing()
        yield from self.hung()
        yield from self.theft()
        if self.missed:
            yield self.missed
        yield from self.bereft

    def said(self, kind: str) -> Iterator[str]:
        """Return what was amiss of a kind (:data:`KINDS`)."""
        match kind:
            case "blind":
                yield from self.blindness()
            case "missing":
                yield from self.missing()
            case "hung":
                yield from self.hung()
            case "missed":
                yield from (self.missed,) * bool(self.missed)
            case "stolen":
                yield from self.theft()
            case _:
                yield from (text for excess, text in self.excesses() if excess.taints is (kind == "tainted"))

    def excesses(self) -> Iterator[tuple[Excess, str]]:
        """Return the limits of the generator that were exceeded for too long, each with its sentence."""
        for excess, seconds in self.excess.items():
            if self.too_long(seconds):
                yield excess, f"{excess.what} in {self._share(seconds)}: {excess.means}"

    def blindness(self) -> Iterator[str]:
        """Return which sources were blind; those with the same reason, such as their host, together."""
        together: defaultdict[str, list[str]] = defaultdict(list)
        for name, blind in self.blind.items():
            if self.too_long(blind):
                reasons = self.why[name]
                together[max(reasons, key=lambda why: reasons[why])].append(name)
        for why, names in together.items():
            longest = max(self.blind[name] for name in names)
            up_to = "up to " if len(names) > 1 else ""
            mostly = ", mostly" if any(len(self.why[name]) > 1 for name in names) else ""
            reason = f"{mostly}: {why}" if why else ""
            yield f"{were(names)} blind for {up_to}{self._share(longest)}{reason}"

    def missing(self) -> Iterator[str]:
        """Return that users were missing, if they were."""
        if self.too_long(self.short):
            yield f"users were missing in {self._share(self.short)}: {_MISSING}"

    def hung(self) -> Iterator[str]:
        """Return that nothing was answered any more for a while, if so."""
        longest = self.quiet.longest(self.measured)
        if self.too_long(longest):
            yield f"no request ended for {self._share(longest)}: {_HUNG}"

    def theft(self) -> Iterator[str]:
        """Return what hypervisors took of the hosts' processors."""
        for host, stolen in self.stolen.items():
            if self.too_long(stolen.seconds):
                took = f"the hypervisor took {stolen.percent:.0f} % of {host}'s processor"
                means = f"its other guests may have made {host} slow, not the release"
                yield f"{took} in {self._share(stolen.seconds)}: {means}"

    def _share(self, seconds: float) -> str:
        return f"{seconds:.0f} of {self.measured:.0f} measured seconds"


class Ended:
    """What the levels that have ended say: sentences that never change, of which a few are told.

    Worked out once for each level, so that a second costs the same after thousands of them.
    """

    def __init__(self) -> None:
        self._told: defaultdict[str, list[str]] = defaultdict(list)
        self._count: Counter[str] = Counter()

    def add(self, level: Span) -> None:
        """Take in a level that has ended."""
        for kind in KINDS:
            for text in level.said(kind):
                self._count[kind] += 1
                if len(self._told[kind]) <= MOST_TOLD:
                    self._told[kind].append(f"{level.name}: {text}")

    def with_present(self, kind: str, present: Iterable[Span]) -> list[str]:
        """Return what these levels and those that still go on say of a kind, shortened."""
        now = [f"{level.name}: {text}" for level in present for text in level.said(kind)]
        return shortened([*self._told[kind], *now], self._count[kind] + len(now))


def shortened(found: Sequence[str], count: int) -> list[str]:
    """Return the first of some sentences, and how many more there are."""
    more = count - MOST_TOLD
    return list(found) if more <= 1 else [*found[:MOST_TOLD], f"and {more} more of the kind"]
