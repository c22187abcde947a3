"""Can a user log in, through the proxy, and stay logged in?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rampdeck.config import Config, LoginConfig
from rampdeck.preflight.accounts import accounts, some
from rampdeck.preflight.asks import TARGET, Asks
from rampdeck.preflight.check import Found, check, failed, ok, skipped
from rampdeck.preflight.login import AGAIN, LoginFails, log_in
from rampdeck.preflight.stack import Stack
from rampdeck.text import clean

GIVE = (
    "Give test accounts: [preflight.login] accounts = FILE (username,password), or RAMPDECK_USERNAME and "
    "RAMPDECK_PASSWORD"
)


@check(
    "login.works",
    "Test accounts log in",
    expected="a login through the proxy, and a page for users only",
    why="Users who are not logged in measure the login page only, which is quick: the figures look good.",
    effect="The record would not say that the flows behind the login were measured at all.",
)
async def works(stack: Stack) -> Found:
    """Log the first, the middle and the last account in, one after the other."""
    config = stack.settings.preflight.login
    known = accounts(stack)
    if not known:
        return failed("there are no test accounts", GIVE) if config else skipped("no test accounts", GIVE)
    chosen = some(known)
    done = []
    for account in chosen:
        try:
            done.append(await log_in(stack.target, config or LoginConfig(), account))
        except LoginFails as error:
            number = known.index(account) + 1
            who = f"{clean(account.username, 60)}, account {number} of {len(known)}"
            return replace(error.found, found=f"{who}: {error.found.found}")
    names = ", ".join(clean(account.username, 60) for account in chosen)
    slowest = max(one.seconds for one in done)
    return ok(
        f"{len(chosen)} of {len(known)} accounts logged in ({names}), the form took up to "
        f"{slowest * 1000:.0f} ms, and {done[0].page.path} was theirs"
    )


def asks(settings: Config) -> Iterator[Asks]:
    """Yield what a login sends, for each of up to three accounts."""
    config = settings.preflight.login or LoginConfig()
    commands = (
        f"GET {config.path}",
        f"POST {config.path} with a test account; refused, up to three times more, as from another origin",
        f"GET {config.page or 'the page that it leads to'}, {AGAIN} times, and once without the login",
    )
    yield Asks(TARGET, "the login of up to three test accounts", commands)


CHECKS = (works,)
