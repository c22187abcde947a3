"""The files of a configuration of Nginx, put together from the first one on, ``include`` by ``include``."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from rampdeck.errors import SourceError
from rampdeck.remote import Shell

ROUNDS = 8
"""How deep includes are followed; Nginx itself sets no limit, people stop at three."""
FILES_MOST = 500
"""Files of a configuration that are read."""
READ = """LC_ALL=C; export LC_ALL
for file in FILES; do
    if [ -d "$file" ]; then continue; fi
    if [ -r "$file" ]; then
        printf '\\0# configuration file %s:\\n' "$file"
        cat -- "$file"
    elif [ -e "$file" ]; then
        printf '\\0# unreadable file %s:\\n' "$file"
    fi
done"""
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)
_INCLUDE = re.compile(r"""(?:^|(?<=[\s;{}]))include\s+(?:"([^"\n]+)"|'([^'\n]+)'|([^;\s"']+))\s*;""")
_GLOB = re.compile(r"([*?\[\]])")


@dataclass(frozen=True)
class Configuration:
    """A configuration, file by file, how it was had, and what could not be read."""

    files: Mapping[str, str]
    how: str
    left_out: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it, without comments."""
        return "\n".join(_COMMENT.sub("", content) for content in self.files.values())

    @property
    def digest(self) -> str:
        """The hash of all files with their names, in the order of the names."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            digest.update(f"{name}\n{self.files[name].rstrip()}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


async def read(shell: Shell, config: str) -> Configuration | None:
    """Put a configuration together from its files; ``None`` where not even the first one can be read."""
    files: dict[str, str] = {}
    left_out: list[str] = []
    folder = config.rpartition("/")[0]
    wanted, asked = [config], {config}
    for _ in range(ROUNDS):
        if not wanted:
            break
        done = await shell.run(READ.replace("FILES", " ".join(map(shell_glob, wanted))))
        if done.status:
            said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise SourceError("the files cannot be read", said[:300])
        fresh = []
        for part in done.stdout.decode("utf-8", "replace").split("\0")[1:]:
            head, _, content = part.partition("\n")
            name = head.partition(" file ")[2].removesuffix(":")
            if head.startswith("# unreadable") or len(files) == FILES_MOST:
                left_out.append(name)
            elif name not in files:
                files[name] = content
                found = _INCLUDE.findall(_COMMENT.sub("", content))
                fresh += [next(filter(None, one)) for one in found]
        wanted = [name if name.startswith("/") else f"{folder}/{name}" for name in dict.fromkeys(fresh)]
        wanted = [name for name in wanted if name not in asked]
        asked.update(wanted)
    left_out += wanted
    return Configuration(files, f"{len(files)} files, from {config} on", tuple(left_out)) if files else None


def shell_glob(path: str) -> str:
    """Return a path for a shell in which nothing but ``*``, ``?`` and brackets has a meaning."""
    return "".join(part if _GLOB.fullmatch(part) else shlex.quote(part) for part in _GLOB.split(path) if part)
