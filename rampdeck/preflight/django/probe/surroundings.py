"""The surroundings that the service has: its variables, its folders, and which settings it takes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, Mapping

MODULE = "DJANGO_SETTINGS_MODULE"
SET_THERE = re.compile(r"[\"']DJANGO_SETTINGS_MODULE[\"']\s*(?:,|\]\s*=)\s*[\"']([\w.]+)[\"']")


class Surroundings:
    """Takes on what the service has, as far as it may be read, and says from where."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._asked = asked
        self.told: list[str] = []
        self.problems: list[str] = []

    def take_on(self) -> None:
        """Set the variables and folders of this process; a variable that is asked for outright wins."""
        found = self._of_process() or self._of_unit()
        if self._asked.get("env_file"):
            found.update(self._of_file(self._asked["env_file"]))
        found.update(self._asked.get("environment") or {})
        os.environ.update(found)
        named = found.get("PYTHONPATH", "").split(os.pathsep)
        wanted = [folder for folder in (str(Path.cwd()), *self._asked.get("paths", []), *named) if folder]
        sys.path[:] = wanted + [folder for folder in sys.path if folder not in wanted]

    def settings(self) -> str:
        """Return the settings module: as asked for, as a variable says, or as the server's module sets it."""
        given = self._asked.get("settings") or os.environ.get(MODULE, "")
        found = given or next(self._set_there(), "")
        if not found:
            raise LookupError(
                "no DJANGO_SETTINGS_MODULE: neither in the service's variables, nor set in {}".format(
                    " or ".join(self._modules()) or "a manage.py"
                )
            )
        os.environ[MODULE] = found
        return str(found)

    def _modules(self) -> list[str]:
        module = str(self._asked.get("module") or "")
        return [
            one
            for one in (module.replace(".", "/") + ".py" if module else "", self._asked.get("manage"))
            if one
        ]

    def _set_there(self) -> Iterator[str]:
        for name in self._modules():
            for folder in sys.path:
                path = Path(folder, name)
                if path.is_file():
                    yield from SET_THERE.findall(path.read_text(encoding="utf-8", errors="replace"))
                    break

    def _of_process(self) -> dict[str, str]:
        pid = self._asked.get("pid")
        if not pid:
            return {}
        path = f"/proc/{pid}/environ"
        try:
            words = Path(path).read_bytes().split(b"\0")
        except OSError as error:
            self.problems.append(f"{path}: {error.strerror}")
            return {}
        self.told.append(path)
        return _service(line for line in map(os.fsdecode, words) if "=" in line)

    def _of_unit(self) -> dict[str, str]:
        unit = self._asked.get("unit")
        if not unit:
            return {}
        command = ["systemctl", "show", "-p", "Environment", "-p", "EnvironmentFiles", "--", unit]
        try:
            shown = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=3, check=False
            )
        except (OSError, subprocess.SubprocessError):
            return {}
        found: dict[str, str] = {}
        for line in shown.stdout.decode("utf-8", "replace").splitlines():
            name, _, value = line.partition("=")
            if name == "Environment" and value:
                found.update(_service(_words(value)))
                self.told.append("Environment of " + unit)
            elif name == "EnvironmentFiles" and value:
                found.update(self._of_file(value.rpartition(" (")[0] or value))
        return found

    def _of_file(self, path: str) -> dict[str, str]:
        try:
            lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            self.problems.append(f"{path}: {error.strerror}")
            return {}
        self.told.append(path)
        return dict(filter(None, map(_assigned, lines)))


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _service(lines: Any) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, equals, value in pairs if equals}


def _assigned(line: str) -> Any:
    """Return the name and value of a line, as systemd and dotenv both read it; None for any other."""
    found = re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$", line)
    if not found:
        return None
    value = found[2]
    if value[:1] in "\"'" and value[:1] == value[-1:] and len(value) > 1:
        value = value[1:-1]
    return found[1], value
