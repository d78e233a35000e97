"""OpenTelemetry's exporters of spans and metrics, which log one line when the collector fails and one when it works again.

Unwatched, they log a warning for each retry of each batch: a collector that is down for an hour would fill every service's log.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

log = logging.getLogger(__name__)
_REPEATED = (
    "Transient error",
    "Failed to export",
    "Shutdown in progress",
    "Exporter already shutdown",
    "OTLP client already",
    "Queue full",
)
_LOGGERS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.sdk._shared_internal",
)


class CollectorWatch:
    """Notes whether the collector accepts spans and metrics, and logs each change as one line."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._refused: set[str] = set()
        self._lock = threading.Lock()
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            if _is_news not in logger.filters:
                logger.addFilter(_is_news)

    def saw(self, signal: str, *, taken: bool) -> None:
        """Note the result of an export of spans or metrics."""
        with self._lock:
            before = bool(self._refused)
            if taken:
                self._refused.discard(signal)
            else:
                self._refused.add(signal)
            if before == bool(self._refused):
                return
        if before:
            log.warning("the telemetry collector at %s takes spans and metrics again", self._endpoint)
        else:
            log.warning("the telemetry collector at %s cannot be reached; spans and metrics are dropped until it can", self._endpoint)


def _is_news(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_REPEATED)


class WatchedSpanExporter(OTLPSpanExporter):
    """Exports spans to `<endpoint>/v1/traces` (OTLP over HTTP)."""

    def __init__(self, endpoint: str, watch: CollectorWatch) -> None:
        super().__init__(endpoint=f"{endpoint}/v1/traces")
        self._watch = watch

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans. The SDK drops a batch that it cannot send."""
        result = super().export(spans)
        if not self._shutdown:
            self._watch.saw("spans", taken=result is SpanExportResult.SUCCESS)
        return result


class WatchedMetricExporter(OTLPMetricExporter):
    """Exports metrics to `<endpoint>/v1/metrics` (OTLP over HTTP)."""

    def __init__(self, endpoint: str, watch: CollectorWatch) -> None:
        super().__init__(endpoint=f"{endpoint}/v1/metrics")
        self._watch = watch

    def export(self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **options: Any) -> MetricExportResult:
        """Send metrics. The next export contains what a failed one lacked, because sums are cumulative."""
        result = super().export(metrics_data, timeout_millis, **options)
        if not self._shutdown:
            self._watch.saw("metrics", taken=result is MetricExportResult.SUCCESS)
        return result


def stop_within(seconds: float, exporters: Sequence[WatchedSpanExporter | WatchedMetricExporter], stop: Callable[[], None]) -> None:
    """Flush and stop. After `seconds` the exporters drop the rest."""

    def give_up() -> None:
        for exporter in exporters:
            exporter.shutdown()

    limit = threading.Timer(seconds, give_up)
    limit.daemon = True
    limit.start()
    try:
        stop()
    finally:
        limit.cancel()
