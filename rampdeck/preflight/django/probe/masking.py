"""What may leave the host of a setting: its value, or of a secret a keyed hash to compare it by.

The key is random and comes from whoever asks, so that a weak password cannot be
looked up by its hash. A value is taken for a secret by the name of its setting, or
because it looks like one: rather a hash too many than a password too few.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import hmac
import json
import pathlib
import re
from typing import Any, Iterator, Mapping
from urllib.parse import unquote

LONGEST = 500
"""Characters of a value that are told; a longer one is told by its hash."""
MOST_DEEP = 8
HASHED = "hmac:"
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
SECRET = re.compile(
    r"PASSW|PASSPHRASE|PASSCODE|(?:^|_)PASS(?:$|_)|PWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|SIGNATURE|SALT|DSN"
    r"|(?:^|_)(?:KEY|KEYS|KEY_ID)$|APIKEY|ACCESSKEY|(?:^|_)AUTH$|AUTHORIZATION|WEBHOOK|LICEN[CS]E|(?:^|_)JWT$"
)
OWN_SECRETS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "EMAIL_HOST_PASSWORD")
"""Those of Django's own settings; its others are none, whatever they are called (PASSWORD_HASHERS)."""
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s/?#\"'<>]*@)?([^\s/?#\"'<>]*)([^\s\"'<>]*)")
PLACE = re.compile(r"(?:(?:[\w.%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?,?)*")
ASSIGNED = re.compile(
    r"(\b\w*(?:passw|pwd|secret|token|apikey|api_key)\w*\s*[=:]\s*)('[^']*'|[^\s;&,]+)", re.IGNORECASE
)
PEM = "-----BEGIN"
MIXED = re.compile(r"(?<=[A-Za-z])\d|(?<=\d)[A-Za-z]")
NO_SECRET = re.compile(r"[a-z]{1,12}|[0-9]{1,7}|.{1,5}|/.*|[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.DOTALL)
"""What anything may be called, a short word, a path, a host: it is hidden in its place, not elsewhere."""
RANDOM = re.compile(r"[A-Za-z0-9+=_~-]{16,}")


def is_secret(name: str) -> bool:
    """Return whether the name of a setting, or a key in one, says that its value is a secret."""
    return bool(SECRET.search(CAMEL.sub("_", name).replace("-", "_").upper()))


def looks_random(text: str) -> bool:
    """Return whether a word in it looks like a key: letters and digits in turns, a token, a PEM block."""
    words = RANDOM.findall(text)
    return PEM in text or "eyJ" in text or any(len(MIXED.findall(word)) >= 3 for word in words)


def plain(value: Any, deep: int = MOST_DEEP) -> Any:
    """Return a value as JSON can have it; of an object that is none of Python's own only its class."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (str, pathlib.PurePath)) or type(value).__name__ == "__proxy__":
        return str(value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, re.Pattern):
        return plain(value.pattern)
    if isinstance(value, functools.partial):
        return plain([value.func, list(value.args), value.keywords], deep)
    if isinstance(value, Mapping) and deep:
        return {str(plain(key, 0)): plain(inner, deep - 1) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(inner, deep - 1) for inner in value), key=str) if deep else "..."
    if isinstance(value, (list, tuple)) and deep:
        return [plain(inner, deep - 1) for inner in value]
    named = value if isinstance(value, type) or hasattr(value, "__qualname__") else type(value)
    return "<{}.{}>".format(getattr(named, "__module__", ""), getattr(named, "__qualname__", ""))


class Mask:
    """Hides secrets and remembers them, so that they can be taken out of messages, too."""

    def __init__(self, salt: bytes, harmless: set[str]) -> None:
        self._salt = salt
        self._harmless = harmless
        self._known: set[str] = set()

    def know(self, value: Any) -> None:
        """Remember a secret; of a table what is called or looks like one, for the rest may be anything."""
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if is_secret(str(key)) or (isinstance(inner, str) and looks_random(inner)):
                    self.know(inner)
        elif isinstance(value, (list, tuple)):
            for inner in value:
                self.know(inner)
        elif isinstance(value, str) and not NO_SECRET.fullmatch(value):
            self._known.update((value, unquote(value)))

    def hashed(self, value: Any) -> str:
        """Return what stands for a secret; the same for the same value and salt."""
        self.know(value)
        return self._digest(value)

    def _digest(self, value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        digest = hmac.new(self._salt, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return HASHED + digest.hexdigest()[:32]

    def settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings by their paths, ``DATABASES.default.ENGINE``, fit to leave the host."""
        found: dict[str, Any] = {}
        for name in sorted(values):
            found.update(self._flat(name, name, plain(values[name]), name in self._harmless))
        return found

    def at(self, path: str, value: Any) -> Any:
        """Return the value at a path as it may be told."""
        top, *words = path.split(".")
        if any(map(is_secret, words)) or (top not in self._harmless and is_secret(top)):
            return self.hashed(value)
        return self._shown(value, top in self._harmless)

    def _flat(self, path: str, name: str, value: Any, harmless: bool) -> Iterator[tuple[str, Any]]:
        if value is None or value is True or value is False or value in ("", [], {}):
            yield path, value
        elif not harmless and is_secret(name):
            yield path, self.hashed(value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                shown = self.hashed(key) if looks_random(key) else self.text(key)
                yield from self._flat(f"{path}.{shown}", key, inner, False)
        elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
            for place, inner in enumerate(value):
                yield from self._flat(f"{path}.{place}", name, inner, harmless)
        else:
            yield path, self._shown(value, harmless)

    def _shown(self, value: Any, harmless: bool) -> Any:
        if isinstance(value, str):
            return self.text(value, harmless)
        if isinstance(value, dict):
            return self.hashed(value)
        if isinstance(value, list):
            shown = [self._shown(inner, harmless) for inner in value]
            if len(json.dumps(shown)) > 4 * LONGEST:
                return f"{len(value)} entries, {self._digest(shown)}"
            return shown
        return value

    def text(self, text: str, harmless: bool = False) -> str:
        """Return a text without secrets: passwords in addresses, what looks random, what is too long."""
        if len(text) > LONGEST:
            return self.hashed(text)
        if text.startswith("/"):
            return self._path(text)
        masked = ASSIGNED.sub(
            lambda found: found[1] + self.hashed(found[2].strip("'")), URL.sub(self._url, text)
        )
        bare = URL.sub("", text)
        return self.hashed(text) if not harmless and looks_random(bare) else masked

    def _url(self, found: re.Match[str]) -> str:
        scheme, login, place, rest = found.groups()
        # A password with a slash in it that is not encoded would stand in the path.
        if not PLACE.fullmatch(place) or "@" in rest:
            return scheme + self.hashed(found[0])
        user, colon, password = (login or "")[:-1].partition(":")
        if user and (looks_random(user) or not colon):
            user = self.hashed(user)
        if password:
            user = f"{user}:{self.hashed(password)}"
        path, query, words = rest.partition("?")
        return scheme + user + "@" * bool(login) + place + self._path(path) + query + self._query(words)

    def _path(self, path: str) -> str:
        return "/".join(self.hashed(part) if looks_random(part) else part for part in path.split("/"))

    def _query(self, words: str) -> str:
        shown = []
        for word in words.split("&"):
            name, equals, value = word.partition("=")
            hide = value and (is_secret(name) or looks_random(value))
            shown.append(name + equals + (self.hashed(value) if hide else value))
        return "&".join(shown)

    def scrubbed(self, value: Any) -> Any:
        """Return what is to be told without any of the secrets that are known by now."""
        return scrub(value, sorted(self._known, key=len, reverse=True))


def scrub(value: Any, known: Any) -> Any:
    """Return nested lists and dictionaries without these texts."""
    if isinstance(value, str):
        for secret in known:
            value = value.replace(secret, "***")
        return value
    if isinstance(value, dict):
        return {scrub(key, known): scrub(inner, known) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub(inner, known) for inner in value]
    return value
