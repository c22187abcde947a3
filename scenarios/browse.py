"""Anonymous browsing: the home page with what it loads, and the health check.

::

    locust -f scenarios/browse.py --host https://staging.example.com
"""

from __future__ import annotations

from html.parser import HTMLParser

from locust import HttpUser, between, task


class Visitor(HttpUser):
    """Somebody who looks around without an account.

    Style sheets, scripts and pictures are fetched once a visitor, as a browser
    with a cache would.
    """

    wait_time = between(0.5, 2)
    home_path = "/"
    health_path = "/health/"

    def on_start(self) -> None:
        """Begin with an empty cache."""
        self.cached: set[str] = set()

    @task(9)
    def home(self) -> None:
        """Open the home page and fetch what it needs."""
        answer = self.client.get(self.home_path)
        if answer.status_code == 200:
            for path in files_of(answer.text):
                self.load(path)

    @task(1)
    def health(self) -> None:
        """Ask as a load balancer does."""
        self.client.get(self.health_path)

    def load(self, path: str) -> None:
        """Fetch a file of the page unless the cache has it."""
        if path not in self.cached:
            self.cached.add(path)
            self.client.get(path, name=path.partition("?")[0])


class _Files(HTMLParser):
    """Collects what a browser loads along with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "img"}:
            path = given.get("src")
        elif tag == "link" and "stylesheet" in (given.get("rel") or ""):
            path = given.get("href")
        else:
            path = None
        # Only the own server's: a CDN is not ours to load.
        if path and path.startswith("/") and not path.startswith("//"):
            self.paths.append(path)


def files_of(page: str) -> list[str]:
    """Return the paths of the style sheets, scripts and pictures of a page, on its own server."""
    reader = _Files()
    reader.feed(page)
    return reader.paths
