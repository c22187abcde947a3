"""The sources that Rampdeck can read, one file each; a new one is named here."""

from rampdeck.collector import Collector

from .gunicorn import GunicornCollector
from .nginx import NginxCollector

COLLECTORS: dict[str, type[Collector]] = {
    "gunicorn": GunicornCollector,
    "nginx": NginxCollector,
}
"""By kind, as in the configuration."""
