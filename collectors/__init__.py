"""The sources that Rampdeck can read, one file each; a new one is named here."""

from rampdeck.collector import Collector

from .caddy import CaddyCollector
from .clock import ClockCollector
from .generator import GeneratorCollector
from .gunicorn import GunicornCollector
from .host import HostCollector
from .nginx import NginxCollector
from .postgres import PostgresCollector
from .redis import RedisCollector
from .uvicorn import UvicornCollector

COLLECTORS: dict[str, type[Collector]] = {
    "caddy": CaddyCollector,
    "clock": ClockCollector,
    "generator": GeneratorCollector,
    "gunicorn": GunicornCollector,
    "host": HostCollector,
    "nginx": NginxCollector,
    "postgres": PostgresCollector,
    "redis": RedisCollector,
    "uvicorn": UvicornCollector,
}
"""By kind, as in the configuration."""
