"""The settings that must fit the way in: the host's name, and how TLS ends."""

from __future__ import annotations

from urllib.parse import urlsplit

from rampdeck.preflight.check import Found, check, failed, ok, skipped, warning
from rampdeck.preflight.checks.django import listed
from rampdeck.preflight.django.answer import Answer
from rampdeck.preflight.django.application import PATIENCE, judged, server_table
from rampdeck.preflight.stack import Stack

WITH_DEBUG = (".localhost", "127.0.0.1", "[::1]")
"""What Django allows with DEBUG where ALLOWED_HOSTS is empty."""
PORTS = {"http": 80, "https": 443}
PROXIES = ("nginx", "caddy")
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
NO_TARGET = skipped("there is no target", '[target] host = "https://staging.example.com"')
FORWARDED = ["HTTP_X_FORWARDED_PROTO", "https"]
HEADER_FIX = (
    'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https"), and in Nginx: '
    "proxy_set_header X-Forwarded-Proto $scheme;"
)


@check(
    "django.allowed_hosts",
    "ALLOWED_HOSTS covers the target",
    expected="ALLOWED_HOSTS covers the target's host",
    why="A request for another host is answered 400 before any of the application's code runs.",
    effect="Every request would fail, and quickly.",
    patience=PATIENCE,
)
async def allowed_hosts(stack: Stack) -> Found:
    """Judge the host as Django's ``validate_host`` does."""
    return await judged(stack, _allowed) if stack.target else NO_TARGET


def _allowed(stack: Stack, answer: Answer) -> Found:
    name = stack.target_name.lower().rstrip(".")
    host = f"[{name}]" if ":" in name else name
    allowed = answer.listed("ALLOWED_HOSTS")
    if not allowed and answer.setting("DEBUG") is True:
        allowed = WITH_DEBUG
    if "*" in allowed:
        return warning("any host is allowed", f'ALLOWED_HOSTS = ["{host}"]')
    if found := next((one for one in allowed if is_same_domain(host, one)), ""):
        return ok(f"{host} is covered by {found}")
    return failed(f"{host} is not among {listed(allowed) or 'none at all'}", f'ALLOWED_HOSTS = ["{host}"]')


def is_same_domain(host: str, pattern: str) -> bool:
    """Return whether a host is a name, or below a name with a dot before it (django.utils.http)."""
    pattern = pattern.lower()
    return bool(pattern) and (
        host == pattern or (pattern.startswith(".") and (host.endswith(pattern) or host == pattern[1:]))
    )


def origin_of(url: str) -> str:
    """Return the origin of an address as a browser sends it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{place}{port}"


def is_secure(stack: Stack, answer: Answer) -> tuple[bool, str]:
    """Return whether Django takes a request of the target for one over TLS, and why.

    Gunicorn and Uvicorn themselves believe X-Forwarded-Proto of a proxy on their
    own host (``forwarded_allow_ips``, by default 127.0.0.1).
    """
    if not stack.target.startswith("https:"):
        return False, "the target is plain HTTP"
    header = answer.setting("SECURE_PROXY_SSL_HEADER")
    if isinstance(header, list) and len(header) == 2:
        name = str(header[0]).removeprefix("HTTP_").replace("_", "-").title()
        return True, f"the proxy's {name}: {header[1]} is believed"
    table = server_table(stack.settings) or {}
    proxies = {source.host for source in stack.of_kind(*PROXIES)}
    if table.get("host", "local") in proxies:
        return (
            True,
            f"{str(table['kind']).capitalize()} believes X-Forwarded-Proto of a proxy on its own host",
        )
    return False, "TLS ends at the proxy, and SECURE_PROXY_SSL_HEADER is not set"


@check(
    "django.proxy_header",
    "Django knows of TLS",
    expected="Django knows that a request came over TLS",
    why="Otherwise it takes each for plain HTTP: forms are refused, redirects lead astray or in circles.",
    effect="Logins and forms would fail for a reason that is none of the load's.",
    patience=PATIENCE,
)
async def proxy_header(stack: Stack) -> Found:
    """Judge whether Django is told how TLS ended."""
    return await judged(stack, _proxied) if stack.target else NO_TARGET


def _proxied(stack: Stack, answer: Answer) -> Found:
    secure, why = is_secure(stack, answer)
    if not stack.target.startswith("https:"):
        return ok(why)
    if not secure:
        return failed(why, HEADER_FIX)
    if answer.setting("SECURE_PROXY_SSL_HEADER"):
        return ok(why)
    return warning(f"SECURE_PROXY_SSL_HEADER is not set; it works as long as {why}", HEADER_FIX)


@check(
    "django.csrf_origins",
    "Forms from the target are trusted",
    expected="a form that a browser posts from the target is trusted",
    why="Django compares a form's origin with what it sees itself; behind a proxy that may be another.",
    effect="Every form of a browser would be answered 403.",
    patience=PATIENCE,
)
async def csrf_origins(stack: Stack) -> Found:
    """Judge the target's origin as Django's CsrfViewMiddleware does; a real login proves it."""
    return await judged(stack, _trusted) if stack.target else NO_TARGET


def _trusted(stack: Stack, answer: Answer) -> Found:
    if CSRF not in answer.listed("MIDDLEWARE"):
        return warning("CsrfViewMiddleware is not in MIDDLEWARE", f'Add "{CSRF}", unless production has none')
    origin = origin_of(stack.target)
    trusted = answer.listed("CSRF_TRUSTED_ORIGINS")
    if found := next((one for one in trusted if _covers(one, origin)), ""):
        return ok(f"{origin} is trusted by {found}")
    scheme, _, host = origin.partition("://")
    secure, why = is_secure(stack, answer)
    seen = f"{'https' if secure else 'http'}://{host}"
    if seen == origin:
        return ok(f"{origin} is what Django sees itself, as long as the proxy passes Host on whole ({why})")
    # Before Django 4.0 origins were not looked at, and a referer over TLS only.
    if int(answer.versions.get("django", "4").partition(".")[0]) < 4:
        return ok(f"Django {answer.versions['django']} does not compare origins ({why})")
    found = f"Django sees {seen}, so a form of {origin} is refused: Origin checking failed ({why})"
    return failed(found, f"{HEADER_FIX} Or add {scheme}://{host} to CSRF_TRUSTED_ORIGINS")


def _covers(trusted: str, origin: str) -> bool:
    scheme, _, host = origin.partition("://")
    trusted_scheme, _, trusted_host = trusted.lower().partition("://")
    if "*" in trusted_host:
        return scheme == trusted_scheme and is_same_domain(host, trusted_host.lstrip("*"))
    return origin == trusted.lower()


@check(
    "django.secure_cookies",
    "Cookies fit the scheme",
    expected="what is kept to TLS is not asked for over plain HTTP",
    why="A cookie that is kept to TLS is not sent over plain HTTP, and a redirect to TLS leads away.",
    effect="Nobody would stay logged in, or every answer would be a redirect.",
    patience=PATIENCE,
)
async def secure_cookies(stack: Stack) -> Found:
    """Judge the settings that only fit one of the two schemes."""
    return await judged(stack, _fitting) if stack.target else NO_TARGET


def _fitting(stack: Stack, answer: Answer) -> Found:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT")
    on = [name for name in names if answer.setting(name) is True]
    secure, why = is_secure(stack, answer)
    if stack.target.startswith("http:"):
        if on:
            fix = 'Let the load go where users go: [target] host = "https://..."'
            return failed(f"the target is plain HTTP, but {listed(on)} is on", fix)
        return ok("the target is plain HTTP, and nothing is kept to TLS")
    if "SECURE_SSL_REDIRECT" in on and not secure:
        return failed(f"SECURE_SSL_REDIRECT leads in a circle: {why}", HEADER_FIX)
    off = [name for name in names[:2] if name not in on]
    if off:
        return warning(f"{listed(off)} is off", "; ".join(f"{name} = True" for name in off))
    return ok(f"{listed(on)} {'is' if len(on) == 1 else 'are'} on")


CHECKS = (allowed_hosts, csrf_origins, proxy_header, secure_cookies)
