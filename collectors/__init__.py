"""The sources that Rampdeck can read, one file each; a new one is named here."""

from rampdeck.collector import Collector

from .generator import GeneratorCollector
from .host import HostCollector
from .postgres import PostgresCollector
from .redis import RedisCollector

COLLECTORS: dict[str, type[Collector]] = {
    "generator": GeneratorCollector,
    "host": HostCollector,
    "postgres": PostgresCollector,
    "redis": RedisCollector,
}
"""By kind, as in the configuration."""
