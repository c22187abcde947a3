"""Whatever a collector says about itself is true, so that panes and thresholds can rely on it."""

from __future__ import annotations

import pytest

from collectors import COLLECTORS
from rampdeck.collector import Collector, CollectorConfig


@pytest.mark.parametrize("kind", COLLECTORS)
def test_a_collector_is_found_by_its_kind_and_configured_by_its_table(kind: str) -> None:
    known: type[Collector] = COLLECTORS[kind]
    assert known.kind == kind
    assert issubclass(known.Config, CollectorConfig)
    assert known.Config.model_config["extra"] == "forbid"


@pytest.mark.parametrize("kind", COLLECTORS)
def test_a_pane_shows_metrics_that_exist(kind: str) -> None:
    names = [metric.name for metric in COLLECTORS[kind].metrics]
    view = COLLECTORS[kind].view
    figures = [figure for line in view.figures for figure in line]
    assert len(names) == len(set(names))
    assert {figure.metric for figure in figures} <= set(names)
    assert {figure.limit for figure in figures if figure.limit} <= set(names)
    for table in view.tables:
        if table.per_host:
            assert {column.key for column in table.columns} <= {"host", "clock", *names}
    assert {table for action in view.actions for table in action.tables} <= {
        table.key for table in view.tables
    }
