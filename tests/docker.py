"""A stand-in for Docker's command line, where no daemon can run: it answers from files as Docker documents.

`docker compose ps -aq SERVICE`, `docker inspect`, `logs --timestamps` with `--tail N`, or with `-f --since
SECONDS` (inclusive), `exec`, see https://docs.docker.com/reference/cli/docker/container/. A test writes lines
with their stamps (RFC 3339, nanoseconds) and recreates containers; what is not documented is not tested.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path


class DockerStandIn:
    """A folder for the PATH with a `docker` in it, and what its containers have written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "docker"
        self.folder.mkdir()
        program = self.folder / "docker"
        here = shlex.join([sys.executable, __file__, str(self.folder)])
        program.write_text(f'#!/bin/sh\nexec {here} "$@"\n')
        program.chmod(0o755)
        self.log = self.folder / "log"
        self.recreate("c0ffee")

    def recreate(self, container: str) -> None:
        """Remove the container with its log, and run another one."""
        self.log.write_text("")
        (self.folder / "containers").write_text(container + "\n")

    def inspected(self, *containers: list[object]) -> None:
        """Say what `docker inspect` answers where it is asked for JSON."""
        (self.folder / "inspected").write_text("".join(f"{json.dumps(it)}\n" for it in containers))

    def say(self, *lines: str, second: float = 0.0) -> None:
        """Write lines stamped that many seconds from now."""
        stamp = datetime.fromtimestamp(int(time.time()) + second, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        with self.log.open("a") as file:
            file.write("".join(f"{stamp}000Z {line}\n" for line in lines))


def _seconds(line: str) -> float:
    return datetime.fromisoformat(line[:26] + "+00:00").timestamp()


def _main(folder: Path, arguments: list[str]) -> int:
    container = (folder / "containers").read_text()
    if "exec" in arguments:
        # exec [-i|-T] NAME COMMAND...: runs it here, and keeps in whose name
        name, *command = arguments[arguments.index("exec") + 2 :]
        with (folder / "executed").open("a") as file:
            file.write(f"{name}\n")
        os.execvp(command[0], command)
    if "inspect" in arguments and any("json" in argument for argument in arguments):
        found = folder / "inspected"
        sys.stdout.write(found.read_text() if found.exists() else "")
        return 0
    if "ps" in arguments or "inspect" in arguments:
        sys.stdout.write(container)
        return 0
    with (folder / "log").open() as file:
        lines = file.readlines()
        if "--tail" in arguments:
            last = lines[-int(arguments[arguments.index("--tail") + 1]) :]
            plain = "--timestamps" not in arguments
            sys.stdout.write("".join(line.partition(" ")[2] if plain else line for line in last))
            return 0
        since = float(arguments[arguments.index("--since") + 1])
        while (folder / "containers").read_text() == container:
            sys.stdout.write("".join(line for line in lines if _seconds(line) >= since))
            sys.stdout.flush()
            time.sleep(0.05)
            lines = file.readlines()
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), sys.argv[2:]))
