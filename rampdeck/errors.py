"""The errors of Rampdeck, one small tree.

::

    RampdeckError            what failed, why, what to do
    ├── UsageError           the command line or rampdeck.toml is wrong       exit code 2
    │   └── ScenarioError    the locustfile cannot be loaded                  exit code 2
    ├── RemoteError          a host cannot be used
    │   ├── HostUnreachable  no answer, refused, name unknown, silent
    │   ├── HostKeyRefused   the host key is unknown or has changed
    │   ├── LoginRefused     the host does not let this user in
    │   ├── CommandFailed    a command on the host failed
    │   ├── NoSession        the host gives no further session in this connection
    │   └── TunnelRefused    the host does not forward, or nothing listens there
    ├── SourceError          a collector cannot read what it should read
    ├── NoAnswer             the target gives no answer to a request of the preflight
    ├── SessionError         the session file cannot be written or read
    ├── RecordError          the decision record cannot be written
    │   └── RecordDefect     a part of it cannot be made, for Rampdeck has a defect     exit code 5
    └── DemoError            a server of the demo stack cannot be started
"""

from __future__ import annotations


class RampdeckError(Exception):
    """Something that a person can act on: what failed, why, and what to do.

    ``fix`` may be empty where there is nothing to advise. ``str()`` is one
    sentence-like line, unless ``why`` shows a place on lines of its own;
    :attr:`what`, :attr:`why` and :attr:`fix` are for places that lay them out.
    """

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(what, why, fix)
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        text = f"{self.what}: {self.why}" if self.why else self.what
        between = "\n" if "\n" in self.why else ". "
        return f"{text}{between}{self.fix}" if self.fix else text


class UsageError(RampdeckError):
    """The command line or the configuration is wrong; nothing was started."""


class ScenarioError(UsageError):
    """The locustfile cannot be loaded or has nothing to run."""


class RemoteError(RampdeckError):
    """A host cannot be used."""


class HostUnreachable(RemoteError):
    """The host does not answer: refused, timed out, unknown name, gone silent."""


class HostKeyRefused(RemoteError):
    """The host key is not in known_hosts, or differs from the one that is."""


class LoginRefused(RemoteError):
    """The host answers but does not let this user in."""


class CommandFailed(RemoteError):
    """A command on the host ended with an error."""


class NoSession(RemoteError):
    """The host gives no further session in this connection (MaxSessions); others may give one back."""


class TunnelRefused(RemoteError):
    """A forward through the host is not possible: forbidden, or nothing listens at its end."""


class SourceError(RampdeckError):
    """A collector cannot read its source; it will be tried again."""


class NoAnswer(RampdeckError):
    """The target gives no answer to a request of the preflight, or is not to be asked."""


class SessionError(RampdeckError):
    """The session file cannot be written or read."""


class RecordError(RampdeckError):
    """The decision record cannot be written."""


class RecordDefect(RecordError):
    """A part of the record cannot be made, for Rampdeck has a defect; the other parts are there."""


class DemoError(RampdeckError):
    """A server of the demo stack, or the stack itself, cannot be started."""
