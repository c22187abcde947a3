"""The statements of the PostgreSQL collector, by the version of the server.

Each is a file ``sql/NAME_VERSION.sql``; the number is the first version that
understands it. Columns of pg_stat_statements go by the version of the
extension, which stays behind where a server was upgraded without it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rampdeck.errors import SourceError

OLDEST = 12
_SQL = Path(__file__).parent / "sql"
_EXTENSION = {(1, 8): 13, (1, 9): 14, (1, 10): 15, (1, 11): 17, (1, 12): 18}
"""The first server version that came with a version of pg_stat_statements."""
_UNKNOWN = {"$1": "IDS", "$2": "IDS"}


@lru_cache(maxsize=64)
def statement(name: str, version: int) -> bytes:
    """Return the SQL of that name for a server of that major version, without its comments."""
    found = {int(path.stem.rpartition("_")[2]): path for path in _files(name)}
    fitting = [first for first in found if first <= version]
    if version < OLDEST or not fitting:
        raise SourceError(
            f"PostgreSQL {version} cannot be watched", f"it is older than {OLDEST}", "Upgrade the server"
        )
    return _bare(found[max(fitting)]).encode()


def version_of_statements(extension: str, server: int) -> int:
    """Return the version of the server that a version of pg_stat_statements (``1.10``) belongs to."""
    numbers = tuple(int(part) for part in extension.split(".") if part.isdigit())
    return min(max((first for known, first in _EXTENSION.items() if known <= numbers), default=12), server)


def all_statements() -> tuple[str, ...]:
    """Return every statement of every version, with a word in capitals for what is not known before."""
    texts = [_bare(path) for path in sorted(_SQL.glob("*.sql"))]
    for parameter, word in _UNKNOWN.items():
        texts = [text.replace(parameter, word) for text in texts]
    return tuple(texts)


def _files(name: str) -> list[Path]:
    return [path for path in _SQL.glob(f"{name}_*.sql") if path.stem.rpartition("_")[0] == name]


def _bare(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))
