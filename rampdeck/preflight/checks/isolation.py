"""Whether staging is apart: nothing in the settings leads to production, and third parties are stubbed."""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.preflight.check import Found, check, failed, ok, skipped, warning
from rampdeck.preflight.checks.django import listed
from rampdeck.preflight.django.answer import Answer, NamedHost
from rampdeck.preflight.django.application import NOBODY, NOBODY_FIX, PATIENCE, application, judged, where
from rampdeck.preflight.production import Production
from rampdeck.preflight.stack import Stack


@check(
    "django.isolation",
    "Staging is isolated",
    expected="no host in the settings is on [target] production",
    why="A load test that reads production's database, fills its cache or feeds its queue is an incident.",
    effect="The record cannot say that production was left alone.",
    patience=PATIENCE,
)
async def isolation(stack: Stack) -> Found:
    """Judge every host that the settings lead to: by name, and by the address that it has there."""
    if not stack.settings.target.production:
        fix = '[target] production = ["db.example.com", ".prod.example.com", "10.1.0.0/16"]'
        return skipped("nobody says what production is", fix)
    return await judged(stack, _isolated, "hosts")


def _isolated(stack: Stack, answer: Answer) -> Found:
    production = Production(stack.settings.target.production)
    hosts = [*(answer.hosts or ()), *_servers(answer)]
    # One reason for a host is enough.
    found: dict[str, str] = {}
    for one in hosts:
        if entry := production.match(one.host, answer.addresses):
            found.setdefault(f"{one.setting} ({one.role})", f"{one.host}, on the list as {entry}")
    if found:
        said = "; ".join(f"{setting} is {what}" for setting, what in list(found.items())[:8])
        more = f" and {len(found) - 8} more" if len(found) > 8 else ""
        return failed(f"{said}{more}", "Give staging its own, with credentials of its own")
    names = dict.fromkeys(f"{one.role} {one.host}" for one in hosts)
    lost = [one.host for one in answer.hosts or () if one.host not in answer.addresses]
    unresolved = f"; not to be resolved there: {listed(dict.fromkeys(lost), 5)}" if lost else ""
    leads = f"the settings lead to {listed(names)}" if names else "the settings lead to no host"
    return ok(f"{leads}; none is production's{unresolved}")


def _servers(answer: Answer) -> Iterator[NamedHost]:
    """Yield who really answered for a database, which a pool may hide."""
    for alias, database in (answer.databases or {}).items():
        if address := database.server.get("address"):
            yield NamedHost(f"the server behind DATABASES.{alias}", address, role="database")


@check(
    "django.third_parties",
    "Third parties are stubbed",
    expected="every service outside that the application calls is stubbed by its setting",
    why="The guard holds what users do; what the application itself calls it cannot see.",
    effect="The record says that calls of the application to others were not watched.",
    patience=PATIENCE,
)
async def third_parties(stack: Stack) -> Found:
    """Judge the settings that stub a payment provider, a mail service and the like."""
    parties = stack.settings.third_parties
    if not parties:
        if not stack.settings.target.calls_third_parties:
            return ok("[target] says that the application calls nobody outside")
        fix = (
            '[[third_parties]] name = "payments", setting = "PAYMENTS.URL", stub = "http://127.0.0.1:9999"; '
            "or [target] calls_third_parties = false"
        )
        said = "nobody says whom it calls, and the guard cannot see the calls of the application itself"
        # Of a load and nothing else nobody was to say anything; the record has the sentence.
        return warning(said, fix) if await stack.ask(where) else skipped(said, fix)
    if await stack.ask(application) is None:
        return skipped(NOBODY, NOBODY_FIX)
    return await judged(stack, _stubbed, "stubs")


def _stubbed(stack: Stack, answer: Answer) -> Found:
    wrong = []
    for party in stack.settings.third_parties:
        stub = (answer.stubs or {}).get(party.setting)
        if stub is None or not stub.there:
            wrong.append((party, f"{party.name}: there is no setting {party.setting}"))
        elif not stub.same:
            value = stub.value if isinstance(stub.value, str) else repr(stub.value)
            shown = "another value" if value.startswith("hmac:") else value
            wrong.append((party, f"{party.name}: {party.setting} is {shown}"))
    if wrong:
        party, _ = wrong[0]
        return failed("; ".join(text for _, text in wrong), f'{party.setting} = "{party.stub}"')
    names = [party.name for party in stack.settings.third_parties]
    return ok(f"stubbed by the settings: {listed(names)}")


CHECKS = (isolation, third_parties)
