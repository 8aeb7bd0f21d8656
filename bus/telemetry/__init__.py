"""What the running bus tells about itself: log lines and metrics, both without a patient in them."""

from __future__ import annotations

from bus.telemetry.correlation import correlated
from bus.telemetry.logs import configure_logging
from bus.telemetry.metrics import Metrics

__all__ = ["Metrics", "configure_logging", "correlated"]
