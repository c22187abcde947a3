"""How TLS ends: where, by which protocol, with which certificate; and how that is in production."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cryptography import x509

from rampdeck.config import Config
from rampdeck.errors import NoAnswer
from rampdeck.facts import Fact, known, told
from rampdeck.preflight.asks import TARGET, Asks
from rampdeck.preflight.check import Found, check, failed, ok, warning
from rampdeck.preflight.checks.pages import home, unanswered
from rampdeck.preflight.http import Answer, trusting
from rampdeck.preflight.stack import Stack
from rampdeck.text import clean

SOON = 14
"""Days before its end from which on a certificate is worth a word: a test and the release come first."""
PATIENCE = 5.0
"""Seconds that the second handshake may take, which asks whether the certificate is trusted."""
TRUST = "Trust its issuer here: export REQUESTS_CA_BUNDLE=/path/to/ca.pem"
_TROUBLES = {
    10: ("it has expired", "Renew it on the server: certbot renew, then nginx -s reload"),
    18: ("it is signed by itself, and no user trusts it", f"Have a CA sign it. {TRUST}"),
    19: ("its chain ends in a root that no user trusts", TRUST),
    20: (
        "its issuer is not known: an intermediate certificate is missing, or it is a CA of your own",
        f"Serve the whole chain (fullchain.pem). {TRUST}",
    ),
    62: ("it is for another name", "Issue one for the name, or write a name of it into [target] host"),
}
"""By OpenSSL's code of the error (x509_vfy.h): what is wrong, and what to do."""
_SAME = {21: 20, 64: 62}
_VERSION = re.compile(r"\bTLS\s*v?\s*(1(?:\.\d)?)\b", re.IGNORECASE)
_APPLICATION = ("gunicorn", "uvicorn", "hypercorn", "daphne", "WSGIServer")


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """How TLS ends at the target; without TLS ``protocol`` is empty. ``trouble`` is why nobody trusts it."""

    ends: str
    protocol: str = ""
    cipher: str = ""
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    until: datetime | None = None
    trouble: str = ""
    fix: str = ""
    production: str = ""

    @property
    def days(self) -> int:
        """Whole days that the certificate is still good for."""
        return (self.until - datetime.now(UTC)).days if self.until else 0

    @property
    def certificate(self) -> str:
        """The certificate in words; empty without one."""
        if self.until is None:
            return ""
        names = ", ".join(self.names[:10]) + (f" and {len(self.names) - 10} more" if self.names[10:] else "")
        return f"{self.subject} by {self.issuer}, for {names or 'no name'}, until {self.until:%Y-%m-%d}"

    def facts(self) -> tuple[Fact, ...]:
        """Return what the record tells, beside what was said of production."""
        asked = "a request of the preflight"
        protocol = f"{self.protocol}, {self.cipher}" if self.protocol else "none: plain HTTP"
        production = self.production
        return (
            known("tls.protocol", "TLS protocol, cipher", protocol, asked),
            told("tls.certificate", "TLS certificate", self.certificate, asked, "there is no TLS"),
            known("tls.ends", "TLS ends", self.ends, asked),
            told(
                "tls.production",
                "TLS in production",
                production,
                "[target] tls_in_production",
                "it was not said",
            ),
        )


async def tls(stack: Stack) -> TlsFacts:
    """Return how TLS ends at the target.

    Raises :class:`NoAnswer` where it does not answer.
    """
    answer = (await stack.ask(home)).answers[0]
    production = stack.settings.target.tls_in_production
    if answer.tls is None:
        return TlsFacts(f"nowhere: plain HTTP to {_who(answer)}", production=production)
    certificate = x509.load_der_x509_certificate(answer.tls.certificate)
    trouble, fix = await _distrust(stack.target)
    return TlsFacts(
        f"at {_who(answer)}",
        answer.tls.protocol.replace("TLSv", "TLS "),
        answer.tls.cipher,
        clean(certificate.subject.rfc4514_string(), 200) or "nobody",
        clean(certificate.issuer.rfc4514_string(), 200) or "nobody",
        tuple(clean(name, 200) for name in _names(certificate)),
        certificate.not_valid_after_utc,
        trouble,
        fix,
        production,
    )


def _who(answer: Answer) -> str:
    """Return who the server says it is."""
    server = answer.header("Server")
    if any(name.lower() in server.lower() for name in _APPLICATION):
        return f"the application server itself (Server: {server})"
    return f"the proxy (Server: {server})" if server else "a server without a name"


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


async def _distrust(target: str) -> tuple[str, str]:
    """Return why users would not trust the certificate, and what to do; empty where they do."""
    parts = urlsplit(target)
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=trusting(), server_hostname=parts.hostname
            )
    except ssl.SSLCertVerificationError as error:
        code = _SAME.get(error.verify_code, error.verify_code)
        return _TROUBLES.get(code, (clean(error.verify_message), TRUST))
    except (OSError, TimeoutError) as error:
        return f"whether it is trusted is not known ({type(error).__name__})", "Run the preflight again"
    finally:
        if writer is not None:
            writer.transport.abort()
    return "", ""


@check(
    "tls.ends",
    "TLS ends as in production",
    expected="as in production, with a certificate that users trust",
    why="Handshakes cost the proxy its processor, and a certificate that is refused fails every request.",
    effect="The record would not say how far TLS was the same as in production.",
)
async def ends(stack: Stack) -> Found:
    """Judge protocol, certificate and what was said of production."""
    try:
        found = await stack.ask(tls)
    except NoAnswer as error:
        return unanswered(error)
    if not found.protocol:
        return _plain(found)
    said = f"{found.protocol} ({found.cipher}) {found.ends}; certificate of {found.certificate}"
    if found.trouble:
        return failed(f"{said}: {found.trouble}", found.fix)
    if found.days < SOON:
        days = f"{found.days} day{'' if found.days == 1 else 's'}"
        return warning(f"{said}: it ends in {days}", "Renew it before the release: certbot renew")
    if not found.production:
        fix = 'Say how TLS ends there: [target] tls_in_production = "TLS 1.3 at the load balancer"'
        return warning(f"{said}; how it is in production is not said", fix)
    there = set(_VERSION.findall(found.production))
    if there and found.protocol.removeprefix("TLS ") not in there:
        return warning(
            f"{said}; in production: {clean(found.production)}",
            "Set the same protocols here, in the proxy: ssl_protocols TLSv1.2 TLSv1.3;",
        )
    return ok(f"{said}; in production: {clean(found.production)}")


def _plain(found: TlsFacts) -> Found:
    production = clean(found.production)
    if _VERSION.search(production) or "https" in production.lower():
        return warning(
            f"TLS ends {found.ends}; in production: {production}",
            "Let TLS end here as it does there: its handshakes are in no figure of this test",
        )
    return ok(f"TLS ends {found.ends}{f'; in production: {production}' if production else ''}")


def asks(settings: Config) -> Iterator[Asks]:
    """Yield what is sent: with TLS, one more handshake."""
    if (settings.target.host or "").startswith("https:"):
        yield Asks(TARGET, "the certificate", ("a TLS handshake, without a request",))


CHECKS = (ends,)
