"""Why a host could not be connected: what asyncssh and the system say, in a person's words."""

from __future__ import annotations

import shlex
import socket

import asyncssh
from asyncssh.public_key import SSHOpenSSHCertificate

from rampdeck.config import HostConfig
from rampdeck.errors import HostKeyRefused, HostUnreachable, LoginRefused, RemoteError, TunnelRefused
from rampdeck.remote.credentials import Credentials
from rampdeck.remote.hostkeys import DEFAULT_FILES, Endpoint, HostKeys
from rampdeck.remote.keyring import is_locked

_USER_CERTIFICATE = 1
"""The type of a user's certificate (PROTOCOL.certkeys of OpenSSH)."""


def refusal(
    error: Exception, endpoint: Endpoint, keys: HostKeys, config: HostConfig, credentials: Credentials
) -> RemoteError:
    """Return the error that says why a connection failed and what to do."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _host_key(endpoint, keys, str(error))
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return _key_exchange(endpoint, keys, str(error))
    if isinstance(error, asyncssh.PermissionDenied):
        if credentials.left_out:
            return left_out(endpoint, credentials)
        return _login(endpoint, config, credentials)
    if isinstance(error, asyncssh.ProtocolError) and "authentication failures" in error.reason:
        return _too_many(endpoint)
    if isinstance(error, ValueError):
        return _settings(error, endpoint, config)
    return _unreachable(error, endpoint, config)


def _host_key(endpoint: Endpoint, keys: HostKeys, reason: str) -> HostKeyRefused:
    if keys.authority is not None:
        return _authority(endpoint, keys, keys.authority)
    known = keys.of(endpoint.address, endpoint.port)
    offered = _described(keys.offered) if keys.offered else reason
    if known and keys.offered:
        return HostKeyRefused(
            f"the host key of {endpoint} has changed",
            "it was set up anew, or somebody stands in between. It offered"
            f" {offered}, known_hosts has {', '.join(_described(key) for key in known)}",
            f"Ask whoever runs it; if the new key is right, ssh-keygen -R {shlex.quote(_name(endpoint))}"
            f" -f {keys.file} and then {_keyscan(endpoint, keys)}",
        )
    return HostKeyRefused(
        f"the host key of {endpoint} is not known",
        f"it offered {offered}, and known_hosts has no key for it" if keys.offered else reason,
        "Compare the fingerprint with the host's own (ssh-keygen -lf on it),"
        f" then {_keyscan(endpoint, keys)}",
    )


def _authority(endpoint: Endpoint, keys: HostKeys, authority: asyncssh.SSHKey) -> HostKeyRefused:
    key = authority.export_public_key().decode().split()
    line = f"@cert-authority {_name(endpoint)} {' '.join(key[:2])}"
    return HostKeyRefused(
        f"who signed the host key of {endpoint} is not known",
        f"its certificate is signed by {_described(authority)}, which known_hosts does not trust for it",
        f"Compare that with your host authority's fingerprint, then add to {keys.file} the line: {line}",
    )


def _key_exchange(endpoint: Endpoint, keys: HostKeys, reason: str) -> RemoteError:
    known = keys.of(endpoint.address, endpoint.port)
    if known and "host key" in reason:
        return HostKeyRefused(
            f"the host key of {endpoint} has changed",
            f"known_hosts has {', '.join(_described(key) for key in known)}, and it offers none of that type",
            f"Ask whoever runs it; if that is right, add its other key: {_keyscan(endpoint, keys)}",
        )
    fix = "Allow a common algorithm, in its sshd_config or in ~/.ssh/config."
    return HostUnreachable(f"no common language with {endpoint}", reason, fix)


def left_out(endpoint: Endpoint, credentials: Credentials) -> LoginRefused:
    """Return the error of a host that is not tried, because nobody answered or no answer was right."""
    again = f'"Log in to {endpoint.name}" in the palette (ctrl+p) asks again.'
    fix = again if credentials.asker else f"Mend it in [hosts.{endpoint.name}], then start anew."
    return LoginRefused(f"{endpoint} is left out", credentials.left_out, fix)


def behind(error: asyncssh.ChannelOpenError, endpoint: Endpoint, jump: str) -> RemoteError:
    """Return the error that says why a jump host does not lead to another host."""
    what = f"{endpoint} cannot be reached over {jump}"
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        fix = "Allow it in its sshd_config (AllowTcpForwarding, PermitOpen) or in authorized_keys."
        return TunnelRefused(what, f"{jump} forbids forwarding", fix)
    why = f'nothing answers there, seen from {jump} ("{error.reason}")'
    return HostUnreachable(
        what, why, f"Check address and port in [hosts.{endpoint.name}], as {jump} sees them."
    )


def _login(endpoint: Endpoint, config: HostConfig, credentials: Credentials) -> LoginRefused:
    what = f"{endpoint} does not let {endpoint.user} in"
    place = f"[hosts.{endpoint.name}]"
    identity = config.identity_file
    if identity is not None and not credentials.can_unlock and is_locked(identity):
        why = f"{identity} has a passphrase, and the agent's keys were not accepted"
        fix = f"Load the key into the agent first: ssh-add {identity}, or name passphrase_env in {place}"
        return LoginRefused(what, why, fix)
    if identity is not None and (defect := _certificate_defect(f"{identity}-cert.pub", endpoint.user)):
        return LoginRefused(
            what, f"{identity}-cert.pub: {defect}", "Have the key signed anew (ssh-keygen -s)"
        )
    why = f"it accepts neither {identity}" if identity else "it accepts none of the keys of ~/.ssh"
    why += " nor a key of the agent" if identity else " and of the agent"
    fix = (
        f"Check user and identity_file in {place}, and that the public key is in ~/.ssh/authorized_keys there"
    )
    if not credentials.can_unlock:
        fix += "; a key with a passphrase must be in the agent (ssh-add)"
    if credentials.wanted:
        why += f"; it would take {' or '.join(sorted(credentials.wanted))}, and there is nobody to ask"
        fix += f"; or name password_env in {place}"
    return LoginRefused(what, why, fix)


def _too_many(endpoint: Endpoint) -> LoginRefused:
    return LoginRefused(
        f"{endpoint} does not let {endpoint.user} in",
        "it was offered too many keys before the right one (MaxAuthTries there)",
        "Write IdentitiesOnly yes and the right IdentityFile for it into ~/.ssh/config,"
        " or take keys out of the agent (ssh-add -d).",
    )


def _certificate_defect(file: str, user: str) -> str:
    """Return why a user's certificate cannot be accepted anywhere, such as that it has expired."""
    try:
        certificate = asyncssh.read_certificate(file)
    except (OSError, asyncssh.KeyImportError):
        return ""
    if isinstance(certificate, SSHOpenSSHCertificate):
        try:
            certificate.validate(_USER_CERTIFICATE, user)
        except ValueError as error:
            return str(error)
    return ""


def _settings(error: Exception, endpoint: Endpoint, config: HostConfig) -> RemoteError:
    if isinstance(error, asyncssh.KeyImportError):
        what = f"cannot log in to {endpoint}"
        place = str(config.identity_file) if config.identity_file else "a key file of ~/.ssh/config"
        return LoginRefused(what, f"{place}: {error}", "Name a private key in OpenSSH's or PEM format.")
    return RemoteError(f"cannot connect to {endpoint.name}", str(error), "Mend ~/.ssh/config.")


def _unreachable(error: Exception, endpoint: Endpoint, config: HostConfig) -> RemoteError:
    what = f"{endpoint} cannot be reached"
    place = f"[hosts.{endpoint.name}]"
    if isinstance(error, OSError) and error.filename:
        ours = error.filename == str(config.identity_file)
        fix = f"Mend identity_file in {place}." if ours else "Mend the entry for it in ~/.ssh/config."
        return LoginRefused(f"cannot log in to {endpoint}", f"{error.filename}: {error.strerror}", fix)
    if isinstance(error, socket.gaierror):
        return HostUnreachable(what, "its name is unknown", f"Check address in {place}.")
    if isinstance(error, TimeoutError) or "Login timeout" in str(error):
        why = f"no answer within {config.connect_timeout:g} s"
        fix = f"Check address and port in {place}, the network, and that sshd answers there."
        return HostUnreachable(what, why, fix)
    if isinstance(error, ConnectionRefusedError):
        fix = f"Check that sshd runs there, and address and port in {place}."
        return HostUnreachable(what, "the connection was refused", fix)
    if isinstance(error, asyncssh.ConnectionLost | ConnectionError):
        why = f"it closed the connection before the login was over ({error})"
        fix = "Its log (journalctl -u ssh) says why; too many logins at once (MaxStartups) is one reason."
        return HostUnreachable(what, why, fix)
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return HostUnreachable(what, why, f"Try it by hand: ssh -p {endpoint.port} {endpoint.address} true")


def _described(key: asyncssh.SSHKey) -> str:
    """Return a key as ``ssh`` shows it: type and SHA256 fingerprint."""
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


def _name(endpoint: Endpoint) -> str:
    """Return what a host is called in known_hosts."""
    return endpoint.address if endpoint.port == 22 else f"[{endpoint.address}]:{endpoint.port}"


def _keyscan(endpoint: Endpoint, keys: HostKeys) -> str:
    """Return the command that makes the host known, in a file that is looked into."""
    port = "" if endpoint.port == 22 else f"-p {endpoint.port} "
    scan = f"ssh-keyscan {port}{shlex.quote(endpoint.address)} >> "
    if keys.file != "/dev/null":
        return scan + keys.file
    usual = DEFAULT_FILES[0]
    here = f'known_hosts = "{usual}" in [hosts.{endpoint.name}]'
    return f"{scan}{usual}, and set {here}, for ~/.ssh/config says /dev/null"
