"""What a threshold can speak of in these tests: every metric that there is, and a small stack."""

from __future__ import annotations

from collectors import COLLECTORS
from rampdeck.model import SourceInfo

METRICS = {
    f"{kind}.{metric.name}": metric for kind, collector in COLLECTORS.items() for metric in collector.metrics
}
SOURCES = tuple(
    SourceInfo(f"{name}@{host}", name.partition(":")[0], host)
    for name, host in (
        ("generator", "local"),
        ("host", "web"),
        ("host", "db-1"),
        ("nginx", "web"),
        ("gunicorn:api", "web"),
        ("gunicorn:shop", "web"),
        ("postgres", "db-1"),
        ("clock", "web"),
    )
)
STAGES = ("baseline", "peak", "spike, to")
