"""One request as a browser sends it, and all that came back: for checks that ask the target as a user does.

The wire format is the standard library's, the connection asyncio's: so it
can be given up at any moment, holds nobody up, and is none of the users' (the
guard around those does not see it). Therefore this refuses every host but
the target's own by itself.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import io
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.cookiejar import Cookie, CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlencode, urljoin, urlsplit
from urllib.request import Request

import certifi

import rampdeck
from rampdeck.errors import NoAnswer
from rampdeck.secrets import redact
from rampdeck.text import clean

PATIENCE = 8.0
"""Seconds that an answer may take: a little less than a check may."""
MOST = 512 * 1024
"""Bytes of an answer that are read; no page that is looked into is larger."""
REDIRECTS = 5
"""Redirects that are followed one after the other."""
AGENT = f"rampdeck-preflight/{rampdeck.__version__}"
_PORTS = {"http": 80, "https": 443}
_SAFE = "/%:@!$&'()*+,;=~?-._[]"
"""Characters of a path that are sent as they are; a page may name others, even line ends."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How an answer's connection was encrypted: ``TLSv1.3``, the cipher's name, the certificate as DER."""

    protocol: str
    cipher: str
    certificate: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``seconds`` from before the connection to the last byte, ``cut`` if there was more."""

    url: str
    status: int
    headers: Message
    body: bytes = field(repr=False)
    seconds: float
    tls: Tls | None = None
    cut: bool = False

    def header(self, name: str) -> str:
        """Return a header, fit to be shown; empty without one."""
        return clean(redact(", ".join(str(value) for value in self.headers.get_all(name) or ())), 200)

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def path(self) -> str:
        """The path that was asked for, fit to be shown: without its query, which may hold a secret."""
        return shown(self.url)

    @property
    def location(self) -> str:
        """The whole address that it redirects to; empty if it does not."""
        given = str(self.headers.get("Location") or "")
        return urljoin(self.url, given) if 300 <= self.status < 400 and given else ""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page with the redirects that led to it; ``elsewhere`` is where they lead if that is not followed."""

    answers: tuple[Answer, ...]
    elsewhere: str = ""

    @property
    def page(self) -> Answer:
        """The last answer."""
        return self.answers[-1]


def shown(url: str) -> str:
    """Return the path of an address as a message shows it."""
    return clean(redact(urlsplit(url).path or "/"), 200)


def origin(url: str) -> str:
    """Return scheme, host and port as a browser's ``Origin`` has them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@dataclass(frozen=True, slots=True)
class Way:
    """Another way to the server than its name: a forward's local end, or a unix socket."""

    host: str = ""
    port: int = 0
    socket: Path | None = None


class Browser:
    """Asks one target; keeps its cookies and follows no redirect by itself."""

    def __init__(self, target: str, way: Way | None = None) -> None:
        parts = urlsplit(target)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise NoAnswer("there is no target to ask", "its address is not known", FIX_TARGET)
        self.target = target.rstrip("/")
        self.cookies = CookieJar()
        self._host = parts.hostname
        self._way = way
        self._credentials = _credentials(parts)

    def url(self, path: str) -> str:
        """Return the address of a path of the target."""
        return self.target + path if path.startswith("/") else urljoin(f"{self.target}/", path)

    def at_home(self, url: str) -> bool:
        """Return whether an address is one of the target's own host."""
        parts = urlsplit(url)
        return parts.scheme in _PORTS and parts.hostname == self._host

    async def ask(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = PATIENCE,
    ) -> Answer:
        """Ask for a page, or send it a form; cookies go and come.

        Raises :class:`NoAnswer` for another host, and when there is no answer.
        """
        if not self.at_home(url):
            why = "it is not the target's own"
            raise NoAnswer(f"{clean(redact(origin(url)))} is not asked", why, "")
        request = Request(url)
        self.cookies.add_cookie_header(request)
        sent = dict(request.unredirected_hdrs) | self._credentials | {"User-Agent": AGENT, "Accept": "*/*"}
        sent |= {"Connection": "close", **(headers or {})}
        began = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                data, tls, cut = await self._exchange(urlsplit(url), _request(url, form, sent))
        except (OSError, TimeoutError) as error:
            raise self._no_answer(url, error, timeout) from None
        seconds = time.monotonic() - began
        try:
            status, headers_of, body = _response(data)
        except (http.client.HTTPException, ValueError, OSError) as error:
            why = f"what came is no HTTP ({type(error).__name__})" if data else "it closed the connection"
            raise NoAnswer(f"no answer from {origin(url)}", why, _look(url)) from None
        answer = Answer(url, status, headers_of, body, seconds, tls, cut)
        self.cookies.extract_cookies(_Headers(headers_of), request)  # type: ignore[arg-type]
        return answer

    async def visit(self, url: str) -> Visit:
        """Ask for a page and follow its redirects, a few, and never to another host.

        Raises :class:`NoAnswer` as :meth:`ask` does.
        """
        answers = [await self.ask(url)]
        while following := answers[-1].location:
            there_before = following.partition("#")[0] in {answer.url for answer in answers}
            if len(answers) > REDIRECTS or there_before or not self.at_home(following):
                return Visit(tuple(answers), following)
            answers.append(await self.ask(following.partition("#")[0]))
        return Visit(tuple(answers))

    def cookie(self, *names: str) -> Cookie | None:
        """Return the first cookie of one of these names."""
        return next((cookie for name in names for cookie in self.cookies if cookie.name == name), None)

    async def _exchange(self, parts: SplitResult, request: bytes) -> tuple[bytes, Tls | None, bool]:
        context = unverified() if parts.scheme == "https" else None
        name = self._host if context else None
        way = self._way or Way(self._host, parts.port or _PORTS[parts.scheme])
        if way.socket is not None:
            reader, writer = await asyncio.open_unix_connection(
                str(way.socket), ssl=context, server_hostname=name
            )
        else:
            reader, writer = await asyncio.open_connection(
                way.host, way.port, ssl=context, server_hostname=name
            )
        try:
            writer.write(request)
            data = await _read(reader)
            return data, _tls(writer), len(data) >= MOST
        finally:
            writer.transport.abort()

    def _no_answer(self, url: str, error: Exception, timeout: float) -> NoAnswer:
        what = f"no answer from {clean(redact(origin(url)))}"
        if isinstance(error, ssl.SSLError):
            why = clean(str(error.reason or error.strerror or error)).replace("_", " ").lower()
            return NoAnswer(what, f"the TLS handshake fails: {why}", FIX_TLS)
        if isinstance(error, TimeoutError) and not error.errno:
            return NoAnswer(what, f"nothing within {timeout:g} s", _look(url))
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return NoAnswer(what, clean(why), _look(url))


def _look(url: str) -> str:
    """Return how to see whether a server runs, and may be reached."""
    return (
        f"Look whether it runs, and whether this machine may reach it: curl -v {clean(redact(origin(url)))}"
    )


FIX_TARGET = 'Name it: [target] host = "https://staging.example.com", or --host'
FIX_TLS = "Look what listens there: openssl s_client -connect HOST:PORT -servername HOST"


def unverified() -> ssl.SSLContext:
    """Return a context that takes every certificate: what it is worth is judged apart, and told."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def trusting() -> ssl.SSLContext:
    """Return a context that trusts whom the users of an HttpUser trust: ``requests`` looks there."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    place = Path(named)
    folder = place.is_dir()
    return ssl.create_default_context(capath=place if folder else None, cafile=None if folder else place)


class _Wire(http.client.HTTPConnection):
    """Writes a request down in place of sending it; what would break it is refused."""

    def __init__(self, netloc: str) -> None:
        super().__init__(netloc)
        self.written = b""

    def send(self, data: Any) -> None:
        self.written += bytes(data)


class _Read:
    """A socket that has been read."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._data)


@dataclass(frozen=True)
class _Headers:
    """An answer as the cookie jar wants it."""

    headers: Message

    def info(self) -> Message:
        return self.headers


def _request(url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe=_SAFE)
    if parts.query:
        path += f"?{quote(parts.query, safe=_SAFE)}"
    wire = _Wire(parts.netloc.rpartition("@")[2])
    try:
        if form is None:
            wire.request("GET", path, headers=dict(headers))
        else:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            wire.request("POST", path, urlencode(form).encode(), kind | dict(headers))
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"it cannot be asked for: {error}") from None
    return wire.written


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Read to the end of the answer; a server that keeps the connection open is not waited for."""
    data = b""
    try:
        while len(data) < MOST and not _whole(data):
            chunk = await reader.read(65536)
            if not chunk:
                break
            data += chunk
    except OSError:
        if b"\r\n\r\n" not in data:  # else it is there, and only the connection's end is rude
            raise
    return data


def _whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
        if name == b"transfer-encoding" and b"chunked" in value:
            return body.endswith(b"0\r\n\r\n")
    return False


def _response(data: bytes) -> tuple[int, Message, bytes]:
    response = http.client.HTTPResponse(_Read(data))  # type: ignore[arg-type]
    response.begin()
    try:
        body = response.read()
    except http.client.IncompleteRead as error:
        body = error.partial
    return response.status, response.headers, body


def _tls(writer: asyncio.StreamWriter) -> Tls | None:
    connection: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    if connection is None:
        return None
    cipher = connection.cipher()
    certificate = connection.getpeercert(binary_form=True)
    return Tls(connection.version() or "", cipher[0] if cipher else "", certificate or b"")


def _credentials(parts: SplitResult) -> dict[str, str]:
    """Return what a target's own ``user:password@`` becomes, as for Locust's users."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
