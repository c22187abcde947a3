"""A login as a browser does it, step by step; each way in which it fails has its own sentence.

That is how CSRF_TRUSTED_ORIGINS, SECURE_PROXY_SSL_HEADER and the cookies'
settings are proved: by what the whole stack makes of them, proxy included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from rampdeck.config import LoginConfig
from rampdeck.preflight.accounts import Account
from rampdeck.preflight.check import Found, failed, unknown, warning
from rampdeck.preflight.http import Answer, Browser, origin, shown
from rampdeck.preflight.markup import CSRF, Page
from rampdeck.preflight.statuses import problem, told
from rampdeck.text import clean

CSRF_COOKIES = ("csrftoken", "__Host-csrftoken", "__Secure-csrftoken")
"""The name that Django gives the cookie unless told otherwise, and what it becomes with a prefix."""
AGAIN = 4
"""Times that the page is asked for after the login: by then most workers of a server were asked."""
KEEP_SESSIONS = (
    "Keep sessions where all workers find them: SESSION_ENGINE with the database or Redis (a LocMemCache is "
    "each worker's own), and one SECRET_KEY for all of them"
)
NAME_PAGE = 'Name a page for users only: [preflight.login] page = "/account/"'
FORWARD = (
    "In the proxy: proxy_set_header X-Forwarded-Proto $scheme; in the settings: SECURE_PROXY_SSL_HEADER = "
    '("HTTP_X_FORWARDED_PROTO", "https")'
)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A login that went well: the page that only a user may see, and how long the form took, in seconds."""

    page: Answer
    seconds: float


class LoginFails(Exception):
    """It did not go well; ``found`` says how."""

    def __init__(self, found: Found) -> None:
        super().__init__(found.found)
        self.found = found


@dataclass(frozen=True, slots=True)
class _Filled:
    """The form, ready to be sent: where to, what, and the page that it is on."""

    url: str
    data: Mapping[str, str]
    page: Answer


async def log_in(target: str, config: LoginConfig, account: Account) -> LoggedIn:
    """Log in and look at a page as that user.

    Raises :class:`LoginFails` with the sentence, :class:`NoAnswer` where there is no answer.
    """
    browser = Browser(target)
    form = await _form(browser, config, account)
    before = {cookie.name: cookie.value for cookie in browser.cookies}
    answer = await browser.ask(form.url, form=form.data, headers=_as_from(form.page.url))
    landing = await _accepted(browser, config, form, answer)
    _session(browser, before, answer)
    page = await _page(browser, config, browser.url(config.page) if config.page else landing)
    return LoggedIn(page, answer.seconds)


def _as_from(url: str, sender: str = "") -> dict[str, str]:
    return {"Origin": sender or origin(url), "Referer": url}


async def _form(browser: Browser, config: LoginConfig, account: Account) -> _Filled:
    visit = await browser.visit(browser.url(config.path))
    page = visit.page
    name_it = "Name it: [preflight.login] path"
    if visit.elsewhere:
        there = f"{origin(visit.elsewhere)}{shown(visit.elsewhere)}"
        raise LoginFails(unknown(f"{told(page)}: the login is elsewhere, at {clean(there)}", name_it))
    if page.status >= 400:
        means, fix = problem(page)
        raise LoginFails(failed(f"{told(page)}: {means}", name_it if page.status == 404 else fix))
    _cookies_come_back(page)
    form = Page(page.text).form(config.username_field, config.password_field)
    if form is None:
        fields = f"{config.username_field} and {config.password_field}"
        fix = "Name them: [preflight.login] username_field, password_field, path"
        raise LoginFails(unknown(f"{told(page)}: no form there has the fields {fields}", fix))
    data = dict(form.fields)
    if CSRF not in data and (cookie := browser.cookie(*CSRF_COOKIES)):
        data[CSRF] = cookie.value or ""
    data |= {config.username_field: account.username, config.password_field: account.password}
    return _Filled(urljoin(page.url, form.action) if form.action else page.url, data, page)


def _cookies_come_back(answer: Answer) -> None:
    """Raise where a cookie is set that no browser ever sends back over this connection."""
    if urlsplit(answer.url).scheme == "https":
        return
    for line in answer.headers.get_all("Set-Cookie") or ():
        name = clean(str(line).partition("=")[0], 60)
        if "secure" in {part.strip().lower() for part in str(line).split(";")[1:]}:
            setting = "CSRF_COOKIE_SECURE" if name in CSRF_COOKIES else "SESSION_COOKIE_SECURE"
            what = f"the cookie {name} is Secure, and the load comes over plain HTTP: it is never sent back"
            fix = f"Let TLS end at the proxy as in production, or on staging {setting} = False"
            raise LoginFails(failed(what, fix))


async def _accepted(browser: Browser, config: LoginConfig, form: _Filled, answer: Answer) -> str:
    """Return where the login leads to; raise what is wrong where it was not accepted."""
    said = f"POST {answer.path} → {answer.status}"
    if answer.status == 403:
        raise LoginFails(await _refused(browser, form, said, answer))
    if answer.status >= 400:
        means, fix = problem(answer)
        raise LoginFails(failed(f"{said}: {means}", fix))
    there = answer.location
    if not there:
        if Page(answer.text).form(config.password_field) is None:
            what = f"{said}: neither a redirect nor the form; it is not known whether that is a login"
            raise LoginFails(unknown(what, NAME_PAGE))
        what = f"{said}: the form came back: wrong password, or there is no such active account"
        fix = "Create the test accounts on staging, with the passwords of the file"
        raise LoginFails(failed(what, fix))
    if not browser.at_home(there):
        what = f"{said}: it leads to another host, {origin(there)}"
        raise LoginFails(failed(what, "Look at LOGIN_REDIRECT_URL, and at the Host that the proxy hands on"))
    if urlsplit(there).scheme != urlsplit(answer.url).scheme:
        what = f"{said}: it leads to {origin(there)}, another scheme than the one it came by"
        raise LoginFails(failed(what, FORWARD))
    if urlsplit(there).path == urlsplit(form.url).path:
        _cookies_come_back(answer)
        what = f"{said}: a redirect back to the login"
        raise LoginFails(failed(what, KEEP_SESSIONS))
    return there


async def _refused(browser: Browser, form: _Filled, said: str, answer: Answer) -> Found:
    """Find out why a form was refused: by which origin it would have been taken."""
    if "csrf" not in answer.text.lower() and CSRF not in form.data:
        return failed(f"{said}: {problem(answer)[0]}", problem(answer)[1])
    for sender, why, fix in _senders(form.page.url):
        tried = await browser.ask(form.url, form=form.data, headers=_as_from(form.page.url, sender))
        if tried.status != answer.status:
            return failed(f"{said}: Django's CSRF check refuses this origin, {why}", fix)
    what = f"{said}: Django's CSRF check refuses the form, from whatever origin"
    if browser.cookie(*CSRF_COOKIES) is None:
        what += "; it set no CSRF cookie, or one for another domain"
    fix = "Look at the reason in the log (django.security.csrf), CSRF_TRUSTED_ORIGINS and CSRF_COOKIE_DOMAIN"
    return failed(what, fix)


def _senders(url: str) -> Iterator[tuple[str, str, str]]:
    """Yield other origins, and what it means where Django takes one of them in place of the right one."""
    parts = urlsplit(url)
    host, right = parts.netloc.rpartition("@")[2], origin(url)
    trusted = f'or add "{right}" to CSRF_TRUSTED_ORIGINS'  # as KEY = VALUE it would be taken for a secret
    if parts.scheme == "https":
        yield f"http://{host}", "for it takes the connection for plain HTTP", FORWARD
    if parts.port:
        port = "for it does not see the port: the proxy hands on $host, which has none"
        plain = host.removesuffix(f":{parts.port}")
        fix = f"In the proxy: proxy_set_header Host $http_host; {trusted}"
        yield f"{parts.scheme}://{plain}", port, fix
        if parts.scheme == "https":
            both = "for it sees neither TLS nor the port"
            yield f"http://{plain}", both, f"{FORWARD}; and proxy_set_header Host $http_host;"


def _session(browser: Browser, before: Mapping[str, str | None], answer: Answer) -> None:
    """Raise unless the login brought a cookie that comes back."""
    _cookies_come_back(answer)
    fresh = [cookie.name for cookie in browser.cookies if before.get(cookie.name) != cookie.value]
    if [name for name in fresh if name not in CSRF_COOKIES]:
        return
    said = f"POST {answer.path} → {answer.status}"
    sent = {str(line).partition("=")[0] for line in answer.headers.get_all("Set-Cookie") or ()}
    if foreign := sorted(sent - set(fresh) - set(CSRF_COOKIES)):
        what = f"{said}: the cookie {clean(foreign[0], 60)} is for another domain, and never sent back"
        raise LoginFails(failed(what, "Look at SESSION_COOKIE_DOMAIN: leave it out on staging"))
    what = f"{said}: it leads on, but without a session's cookie"
    raise LoginFails(failed(what, "Look at SESSION_ENGINE, and whether the proxy drops Set-Cookie"))


async def _page(browser: Browser, config: LoginConfig, url: str) -> Answer:
    """Return a page as the user sees it, asked for several times; raise where the session does not hold."""
    form = urlsplit(browser.url(config.path)).path
    last = (await browser.visit(url)).page.url
    url = url if urlsplit(last).path == form else last
    answers = [await browser.ask(url) for _ in range(AGAIN)]
    away = [one for one in answers if urlsplit(one.location).path == form or one.status in (401, 403)]
    if away:
        times = "each time" if len(away) == AGAIN else f"{len(away)} times out of {AGAIN}"
        what = f"logged in, but GET {away[0].path} leads back to the login {times}: the session is lost"
        raise LoginFails(failed(what, KEEP_SESSIONS))
    bad = next((one for one in answers if one.status >= 400), None)
    if bad is not None:
        means, fix = problem(bad)
        fix = NAME_PAGE if bad.status == 404 else fix
        raise LoginFails(failed(f"logged in, but {told(bad)}: {means}", fix))
    stranger = await Browser(browser.target).ask(url)
    if stranger.status < 300:
        what = f"logged in, but {stranger.path} may be seen by anybody: it does not prove it"
        raise LoginFails(warning(what, NAME_PAGE))
    return answers[0]
