"""Whether the tables have as many rows as a test of the release needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rampdeck.facts import Fact
from rampdeck.preflight.check import Found, check, failed, ok, skipped, unknown
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.telling import PATIENCE, Told, told

_MISSING = "no such table"
_FORBIDDEN = "may not read it"


@check(
    "rows.minimum",
    "Tables have enough rows",
    expected="at least the rows of [preflight.rows]",
    why="A query that scans an empty table is quick; the same one is not at the size of production.",
    effect="Response times of queries on small tables are no evidence for production.",
    patience=PATIENCE,
)
async def minimum(stack: Stack) -> Iterable[Found]:
    """Compare the rows that PostgreSQL counted with the least that are wanted."""
    wanted = stack.settings.preflight.rows
    if not wanted:
        return [skipped("no table is named", "[preflight.rows] with TABLE = LEAST_ROWS")]
    servers = await told(stack, "postgres")
    if not servers:
        fix = 'Add [[collectors]] with kind = "postgres" and the application\'s database'
        return [unknown("nobody counts them: no PostgreSQL is read", fix)]
    return [_judged(table, least, servers) for table, least in wanted.items()]


def _judged(table: str, least: int, servers: Sequence[Told]) -> Found:
    """Return what the server tells that has the table, or else the first one."""
    answers = [(one, one.facts.get(f"postgres.rows.{table}")) for one in servers]
    if down := all(one.down for one in servers) and servers[0].down:
        return skipped(down, host=servers[0].name)
    there = [(one, fact) for one, fact in answers if fact is not None and _MISSING not in fact.why]
    one, fact = there[0] if there else answers[0]
    expected = f"{table}: at least {least} rows"
    if fact is None:
        why = one.why or "it was not asked"
        return unknown(f"{table} is not counted: {why}", "See what the check of the source says", one.name)
    if _FORBIDDEN in fact.why + fact.provenance:
        return unknown(_forbidden(table, fact), _grant(table, fact), one.name, expected=expected)
    if not fact.value and _MISSING in fact.why:
        fix = 'Name its database with database, or its schema: [preflight.rows] "SCHEMA.TABLE"'
        return failed(f"{table}: {fact.why}", f"manage.py migrate. {fix}", one.name, expected=expected)
    about = fact.value.startswith("about ")
    number = fact.value.removeprefix("about ")
    if not number.isdecimal():
        return unknown(f"{table} is not counted: {fact.why}", f"ANALYZE {table}", one.name, expected=expected)
    text = f"{table} has {fact.value} rows" + (", the server's estimate" if about else "")
    if int(number) < least:
        fix = "Load data as production has it" + (f", or if it is there: ANALYZE {table}" if about else "")
        return failed(text, fix, one.name, expected=expected)
    return ok(text, one.name, expected=expected)


def _forbidden(table: str, fact: Fact) -> str:
    role = _role(fact)
    text = f"{role} may not read {table}"
    return f"{text}; the server's estimate is {fact.value}" if fact.value else text


def _grant(table: str, fact: Fact) -> str:
    return f"GRANT SELECT ON {table} TO {_role(fact)};"


def _role(fact: Fact) -> str:
    said = fact.why if _FORBIDDEN in fact.why else fact.provenance
    return said.partition(f" {_FORBIDDEN}")[0].rpartition(": ")[2]


CHECKS = (minimum,)
