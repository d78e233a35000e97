"""The exporters of spans and metrics, which say once when the collector cannot be reached and once when it can again.

OpenTelemetry's own log a warning for each retry of each batch; a collector that is down for an hour would fill every service's log.
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
    """Whether the collector takes what this process sends; a change is one line in the log, whatever signals it concerns."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._refused: set[str] = set()
        self._lock = threading.Lock()
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            if _is_news not in logger.filters:
                logger.addFilter(_is_news)

    def saw(self, signal: str, *, taken: bool) -> None:
        """Note how an export ended."""
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
    """Exports spans to `<endpoint>/v1/traces`."""

    def __init__(self, endpoint: str, watch: CollectorWatch) -> None:
        super().__init__(endpoint=f"{endpoint}/v1/traces")
        self._watch = watch

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them; what cannot be sent is dropped."""
        result = super().export(spans)
        if not self._shutdown:
            self._watch.saw("spans", taken=result is SpanExportResult.SUCCESS)
        return result


class WatchedMetricExporter(OTLPMetricExporter):
    """Exports metrics to `<endpoint>/v1/metrics`."""

    def __init__(self, endpoint: str, watch: CollectorWatch) -> None:
        super().__init__(endpoint=f"{endpoint}/v1/metrics")
        self._watch = watch

    def export(self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **options: Any) -> MetricExportResult:
        """Send them; what cannot be sent is part of the next export, because sums are cumulative."""
        result = super().export(metrics_data, timeout_millis, **options)
        if not self._shutdown:
            self._watch.saw("metrics", taken=result is MetricExportResult.SUCCESS)
        return result


def stop_within(seconds: float, exporters: Sequence[WatchedSpanExporter | WatchedMetricExporter], stop: Callable[[], None]) -> None:
    """Flush and stop; after `seconds` the exporters give up what they still try to send."""

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
