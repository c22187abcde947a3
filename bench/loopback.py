"""The loopback server in a process of its own, its certificate, and its book."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import ipaddress
import json
import ssl
import subprocess
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bench.figures import Spread
from bench.server import HOST

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Book:
    """Requests one by one: when each was over (ns since the epoch), and how long it took (ms)."""

    moments_ns: array[int]
    times_ms: array[float]

    @classmethod
    def unpacked(cls, data: bytes) -> Book:
        """Return a book from its bytes: all moments, then all times."""
        middle = len(data) // 2
        moments, times = array("q"), array("d")
        moments.frombytes(data[:middle])
        times.frombytes(data[middle:])
        return cls(moments, times)

    def within(self, begin_ns: int, end_ns: int) -> Spread:
        """Return the spread of the requests that were over in a window of time."""
        pairs = zip(self.moments_ns, self.times_ms, strict=True)
        return Spread.of([time for moment, time in pairs if begin_ns < moment <= end_ns])


class LoopbackServer:
    """``bench.server`` in a process of its own; with a certificate it serves TLS."""

    def __init__(self, shape: str = "constant", certificate: Path | None = None) -> None:
        self.certificate = certificate
        self._options = ["--shape", shape]
        if certificate:
            self._options += ["--certificate", str(certificate)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.server", *self._options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http{'s' if self.certificate else ''}://{HOST}:{self.port}"

    def clock(self) -> Spread:
        """Return how long its answers took by its own clock since it was asked last."""
        return Spread(**json.loads(self._ask("/_clock")))

    def book(self) -> Book:
        """Return each of its answers since it was asked last."""
        return Book.unpacked(self._ask("/_book"))

    def settled(self) -> float:
        """Return the moment from which on every connection had had an answer, in UTC seconds."""
        return int(self._ask("/_settled")) / 1e9

    def fail(self, broken: bool) -> None:
        """Let every answer from now on be an error, or none any more."""
        self._ask("/_break" if broken else "/_mend")

    def _ask(self, path: str) -> bytes:
        connection: http.client.HTTPConnection
        if self.certificate:
            trusted = ssl.create_default_context(cafile=self.certificate)
            connection = http.client.HTTPSConnection(HOST, self.port, timeout=30, context=trusted)
        else:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()


def certificate(folder: Path) -> Path:
    """Make a certificate for the loopback address that signs itself; with its key in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rampdeck bench")])
    now = dt.datetime.now(dt.UTC)
    usage = dict.fromkeys(
        (
            *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "bench.pem"
    path.touch(mode=0o600)
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path
