"""Does the target answer at all, and is it itself, not a page that only looks like an answer?"""

from __future__ import annotations

from collections.abc import Iterator

from rampdeck.config import Config, LoginConfig
from rampdeck.errors import NoAnswer
from rampdeck.preflight.asks import TARGET, Asks
from rampdeck.preflight.check import Found, check, failed, ok, skipped
from rampdeck.preflight.http import Browser, Visit, origin, shown
from rampdeck.preflight.stack import Stack
from rampdeck.preflight.statuses import problem, told


async def home(stack: Stack) -> Visit:
    """Return the page that is asked for first, with its redirects."""
    browser = Browser(stack.target)
    return await browser.visit(browser.url(stack.settings.preflight.path))


def unanswered(error: NoAnswer) -> Found:
    """Return that no page can be asked for, which one check judges for all."""
    return skipped(f"{error.what}: target.answers says why")


@check(
    "target.answers",
    "Target answers",
    expected="a page, in less than ten seconds",
    why="A load test of an error page, or of a redirect, measures neither the application nor its servers.",
    effect="The record would tell of a target that did not answer before the load.",
)
async def answers(stack: Stack) -> Found:
    """Ask for the home page as a browser does."""
    if not stack.target:
        return failed(
            "it is not known where the load goes", 'Write [target] host = "https://HOST", or --host'
        )
    try:
        visit = await stack.ask(home)
    except NoAnswer as error:
        return failed(f"{error.what}: {error.why}", error.fix)
    page = visit.page
    if visit.elsewhere:
        return _astray(visit)
    said = " ".join(told(answer) for answer in visit.answers)
    if page.status >= 400:
        means, fix = problem(page)
        return failed(f"{said}: {means}", fix)
    if origin(page.url) != origin(visit.answers[0].url):
        what = f"{said}: {origin(visit.answers[0].url)} sends every user on to {origin(page.url)}"
        return failed(
            f"{what}, and what a form sends is lost on the way", f'[target] host = "{origin(page.url)}"'
        )
    login = (stack.settings.preflight.login or LoginConfig()).path
    where = ", the login page" if len(visit.answers) > 1 and shown(page.url) == login else ""
    server = page.header("Server")
    return ok(f"{said}{where}{f', Server: {server}' if server else ', without a Server header'}")


def _astray(visit: Visit) -> Found:
    """Judge redirects that were not followed to their end."""
    page, there = visit.page, visit.elsewhere
    if origin(there) == origin(page.url) or there.partition("#")[0] in {one.url for one in visit.answers}:
        what = f"{told(page)}: the redirects lead in a circle, to {origin(there)}{shown(there)}"
        if there.startswith("https:"):
            fix = (
                "Django does not see that TLS ended at the proxy. In the proxy: proxy_set_header "
                "X-Forwarded-Proto $scheme; in the settings: SECURE_PROXY_SSL_HEADER = "
                '("HTTP_X_FORWARDED_PROTO", "https")'
            )
            return failed(what, fix)
        return failed(what, "Look which of proxy and application redirects: curl -sI from both sides")
    what = f"{told(page)}: a redirect to another host, {origin(there)}"
    return failed(
        f"{what}: the load would not follow it", f'[target] host = "{origin(there)}", if that is it'
    )


def asks(settings: Config) -> Iterator[Asks]:
    """Yield the requests that all checks of pages send to the target."""
    path = settings.preflight.path
    yield Asks(TARGET, "the home page", (f"GET {path} and up to 5 redirects on the same host",))


CHECKS = (answers,)
