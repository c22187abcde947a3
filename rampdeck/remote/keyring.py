"""Key files that need a passphrase: which ones, and the keys themselves once they are open.

The public half of a key stands in the clear, so a host is offered that first,
and only a key that the host would take is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import asyncssh
from pydantic import SecretStr

from rampdeck import loop
from rampdeck.remote.asking import TRIES

USUAL = ("id_ed25519", "id_ecdsa", "id_ed448", "id_rsa")
"""The files in ``~/.ssh`` that are tried where none is named."""
WRONG = "that passphrase does not open the key"

Unlock = Callable[[Path], Awaitable[asyncssh.SSHKey | None]]
AskPassphrase = Callable[[Path, int, str], Awaitable[SecretStr | None]]


class Keyring:
    """The open keys of this process, by file; shared by all hosts, so that a file is asked for once."""

    def __init__(self) -> None:
        self._open: dict[Path, asyncssh.SSHKey] = {}
        self._opening: dict[Path, asyncio.Task[asyncssh.SSHKey | None]] = {}
        self._left: set[Path] = set()

    async def key(self, file: Path, ask: AskPassphrase) -> asyncssh.SSHKey | None:
        """Return the key of a file, asking for its passphrase where it is not open yet.

        ``None`` when there was no answer, or no right one; that holds for the
        file until :meth:`forget_refusals`, an empty answer only this once.
        Whoever waits for it may be cancelled (its connection was closed): the
        question stays, and serves the next.
        """
        if file in self._open or file in self._left:
            return self._open.get(file)
        if file not in self._opening:
            task = self._opening[file] = asyncio.create_task(self._unlock(file, ask))
            task.add_done_callback(lambda _: self._opening.pop(file))
        return await asyncio.shield(self._opening[file])

    def left(self, file: Path) -> bool:
        """Return whether a file is left out until further notice."""
        return file in self._left

    def forget_refusals(self) -> None:
        """Ask anew for files that were left out."""
        self._left.clear()

    async def close(self) -> None:
        """Drop the keys and the questions for them."""
        opening = list(self._opening.values())
        for task in opening:
            task.cancel()
        if opening:
            await asyncio.wait(opening)
        self._open.clear()

    async def _unlock(self, file: Path, ask: AskPassphrase) -> asyncssh.SSHKey | None:
        refused = ""
        for attempt in range(1, TRIES + 1):
            passphrase = await ask(file, attempt, refused)
            if passphrase is None:
                break
            if not passphrase:
                return None
            try:
                # The key derivation is slow by design: a tenth of a second and more.
                key = await loop.in_thread(asyncssh.read_private_key, file, passphrase.get_secret_value())
            except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
                refused = WRONG if "passphrase" in str(error) else f"{WRONG} ({error})"
            except OSError as error:
                refused = f"the file cannot be read: {error.strerror}"
            else:
                self._open[file] = key
                return key
        self._left.add(file)
        return None


class LockedKey(asyncssh.SSHKeyPair):
    """A key whose public half, or certificate, is known; it is opened when the host asks for a signature."""

    def __init__(
        self, file: Path, public: asyncssh.SSHKey, certificate: asyncssh.SSHCertificate | None, unlock: Unlock
    ) -> None:
        algorithms = public.sig_algorithms
        super().__init__(
            public.algorithm, public.algorithm, algorithms, algorithms, public.public_data, None, certificate
        )
        self._file = file
        self._unlock = unlock

    async def sign_async(self, data: bytes) -> bytes:
        """Return the signature. Raises :class:`ValueError`, asyncssh's sign to try the next key."""
        key = await self._unlock(self._file)
        if key is None:
            raise ValueError("the key stays shut")
        return key.sign(data, self.sig_algorithm)


def locked_files(named: Sequence[Path]) -> list[Path]:
    """Return those of the named key files, or else of the usual ones, that have a passphrase."""
    files = named or [Path("~/.ssh", name).expanduser() for name in USUAL]
    return [file for file in files if is_locked(file)]


def is_locked(file: Path) -> bool:
    """Return whether a file is a private key with a passphrase."""
    try:
        asyncssh.read_private_key(file)
    except asyncssh.KeyImportError as error:
        return str(error).startswith("Passphrase")
    except OSError:
        return False
    return False


def public_half(file: Path) -> asyncssh.SSHKey | None:
    """Return the public half of a locked key, from ``FILE.pub`` or, in OpenSSH's own format, the file."""
    for place in (file.with_name(f"{file.name}.pub"), file):
        try:
            return asyncssh.read_public_key(place)
        except (OSError, asyncssh.KeyImportError):
            continue
    return None


def certificates_of(
    file: Path, public: asyncssh.SSHKey, named: Sequence[Path]
) -> list[asyncssh.SSHCertificate]:
    """Return the certificates of a key: ``FILE-cert.pub``, and those of the named files that are of it."""
    found: list[asyncssh.SSHCertificate] = []
    for place in (file.with_name(f"{file.name}-cert.pub"), *named):
        try:
            certificate = asyncssh.read_certificate(place)
        except (OSError, asyncssh.KeyImportError):
            continue
        if certificate.key.public_data == public.public_data:
            found.append(certificate)
    return found
