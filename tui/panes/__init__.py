"""The panes: requests, steps, one generic pane for every kind of source, trend and gate."""

from .gate import GatePane
from .requests import RequestsPane
from .source import SourcePane
from .steps import StepsPane
from .trend import TrendPane

__all__ = ["GatePane", "RequestsPane", "SourcePane", "StepsPane", "TrendPane"]
