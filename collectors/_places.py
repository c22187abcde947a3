"""Where a server's log may be, and what follows it there: a journal, a file, a container."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field, model_validator

from rampdeck.collector import CollectorConfig

from ._compose import ComposeFollower
from ._follow import FileFollower, Follow, Take
from ._journal import JournalFollower, TakeEntries

PLACES = ("unit", "file", "compose_service", "container")
"""The keys that say where a log is; a table has one of them."""
CONTEXT = 20
"""Lines from before the beginning that are shown."""

Asks = Callable[[], tuple[str, ...]]
"""Returns every command that following may send."""


class LogConfig(CollectorConfig):
    """A table of a log: the one place where it is.

    ``unit`` in the journal (of a ``namespace``, or in ``journal_file``), or
    ``file``, or ``compose_service``, or a plain ``container`` of Docker.
    """

    unit: str
    namespace: str = ""
    journal_file: str = ""
    file: str = ""
    compose_service: str = ""
    compose_file: str = ""
    project_directory: str = ""
    container: str = Field("", pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$")

    @model_validator(mode="after")
    def _one_source(self) -> LogConfig:
        given = [name for name in PLACES if name in self.model_fields_set]
        if len(given) > 1:
            raise ValueError(f"give one of {' and '.join(given)}: a log is read from one place")
        if (self.namespace or self.journal_file) and (self.file or self.compose_service or self.container):
            raise ValueError("namespace and journal_file belong to a unit's journal, not to another log")
        if self.namespace and self.journal_file:
            raise ValueError("give namespace or journal_file, not both")
        if (self.compose_file or self.project_directory) and not self.compose_service:
            raise ValueError("compose_file and project_directory need a compose_service")
        if self.file and not self.file.startswith("/"):
            raise ValueError(f'"{self.file}" must be a whole path on the host, such as /var/log/app.log')
        return self


def follower_of(config: LogConfig, take_block: Take, take: TakeEntries) -> tuple[Follow, Asks]:
    """Return what follows the log of a table: a file by blocks of lines, anything else by entries."""
    if config.file:
        file = FileFollower(config.file, context=CONTEXT)
        return (lambda remote, hearer: file.follow(remote, hearer, take_block)), file.asks
    if config.compose_service or config.container:
        compose = ComposeFollower(
            config.compose_service,
            container=config.container,
            file=config.compose_file,
            directory=config.project_directory,
            context=CONTEXT,
        )
        return (lambda remote, hearer: compose.follow(remote, hearer, take)), compose.asks
    journal = JournalFollower(
        config.unit, namespace=config.namespace, file=config.journal_file, context=CONTEXT
    )
    return (lambda remote, hearer: journal.follow(remote, hearer, take)), journal.asks
