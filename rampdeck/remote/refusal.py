"""Why a host could not be connected: what asyncssh and the system say, in a person's words."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import asyncssh

from rampdeck.config import HostConfig
from rampdeck.errors import HostKeyRefused, HostUnreachable, LoginRefused, RemoteError
from rampdeck.remote.hostkeys import DEFAULT_FILES, Endpoint, HostKeys


def refusal(error: Exception, endpoint: Endpoint, keys: HostKeys, config: HostConfig) -> RemoteError:
    """Return the error that says why a connection failed and what to do."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _host_key(endpoint, keys, str(error))
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return _key_exchange(endpoint, keys, str(error))
    if isinstance(error, asyncssh.PermissionDenied):
        return _login(endpoint, config)
    if isinstance(error, ValueError):
        return _settings(error, endpoint, config)
    return _unreachable(error, endpoint, config)


def _host_key(endpoint: Endpoint, keys: HostKeys, reason: str) -> HostKeyRefused:
    known = keys.of(endpoint.address, endpoint.port)
    offered = _described(keys.offered) if keys.offered else reason
    if known:
        return HostKeyRefused(
            f"the host key of {endpoint} has changed",
            f"it offered {offered}, known_hosts has {', '.join(_described(key) for key in known)}:"
            " the host was set up anew, or somebody stands in between",
            f"Ask whoever runs it; if the new key is right, ssh-keygen -R {_known_name(endpoint)}"
            f" -f {keys.file} and then {_keyscan(endpoint, keys)}",
        )
    return HostKeyRefused(
        f"the host key of {endpoint} is not known",
        f"it offered {offered}, and known_hosts has no key for it" if keys.offered else reason,
        "Compare the fingerprint with the host's own (ssh-keygen -lf on it),"
        f" then {_keyscan(endpoint, keys)}",
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


def _login(endpoint: Endpoint, config: HostConfig) -> LoginRefused:
    what = f"{endpoint} does not let {endpoint.user} in"
    identity = config.identity_file
    if identity is not None and _is_encrypted(identity):
        why = f"{identity} has a passphrase, and the agent's keys were not accepted"
        return LoginRefused(what, why, f"Load the key into the agent first: ssh-add {identity}")
    why = f"it accepts neither {identity}" if identity else "it accepts none of the keys of ~/.ssh"
    why += " nor a key of the agent" if identity else " and of the agent"
    return LoginRefused(
        what,
        why,
        f"Check user and identity_file in [hosts.{endpoint.name}], and that the public key is in"
        " ~/.ssh/authorized_keys there; a key with a passphrase must be in the agent (ssh-add)",
    )


def _settings(error: Exception, endpoint: Endpoint, config: HostConfig) -> RemoteError:
    if isinstance(error, asyncssh.KeyImportError):
        what = f"cannot log in to {endpoint}"
        place = str(config.identity_file) if config.identity_file else "a key file of ~/.ssh/config"
        return LoginRefused(what, f"{place}: {error}", "Name a private key in OpenSSH's or PEM format.")
    return RemoteError(f"cannot connect to {endpoint.name}", str(error), "Mend ~/.ssh/config.")


def _unreachable(error: Exception, endpoint: Endpoint, config: HostConfig) -> RemoteError:
    what = f"{endpoint} cannot be reached"
    place = f"[hosts.{endpoint.name}]"
    if config.identity_file and isinstance(error, OSError) and error.filename == str(config.identity_file):
        fix = f"Mend identity_file in {place}."
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


def _is_encrypted(path: Path) -> bool:
    try:
        asyncssh.read_private_key(path)
    except asyncssh.KeyImportError as error:
        return str(error).startswith("Passphrase")
    except OSError:
        return False
    return False


def _described(key: asyncssh.SSHKey) -> str:
    """Return a key as ``ssh`` shows it: type and SHA256 fingerprint."""
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


def _known_name(endpoint: Endpoint) -> str:
    name = endpoint.address if endpoint.port == 22 else f"[{endpoint.address}]:{endpoint.port}"
    return shlex.quote(name)


def _keyscan(endpoint: Endpoint, keys: HostKeys) -> str:
    """Return the command that makes the host known, in a file that is looked into."""
    port = "" if endpoint.port == 22 else f"-p {endpoint.port} "
    scan = f"ssh-keyscan {port}{shlex.quote(endpoint.address)} >> "
    if keys.file != "/dev/null":
        return scan + keys.file
    usual = DEFAULT_FILES[0]
    here = f'known_hosts = "{usual}" in [hosts.{endpoint.name}]'
    return f"{scan}{usual}, and set {here}, for ~/.ssh/config says /dev/null"
