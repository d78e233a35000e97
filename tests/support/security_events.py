"""Records security events: their log lines and their counter."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from shared import security

Kind = tuple[str, str]
"""An event and its reason."""


@dataclass
class Recorded:
    """The events recorded in a block of code."""

    lines: list[dict[str, object]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    counted: Counter[Kind] = field(default_factory=Counter)

    @property
    def logged(self) -> Counter[Kind]:
        """The events that the log lines report, with their counts."""
        counts: Counter[Kind] = Counter()
        for line in self.lines:
            counts[str(line["security_event"]), str(line["reason"])] += int(str(line["count"]))
        return counts


@contextmanager
def recording() -> Iterator[Recorded]:
    """Record the events inside the block."""
    reader, found = _reader(), Recorded()
    handler = _Lines(found)
    security.flush()
    before = _counts(reader)
    logging.getLogger("shared.security").addHandler(handler)
    try:
        yield found
    finally:
        security.flush()
        logging.getLogger("shared.security").removeHandler(handler)
        found.counted = _counts(reader) - before


class _Lines(logging.Handler):
    def __init__(self, found: Recorded) -> None:
        super().__init__()
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.lines.append(record.fields)  # type: ignore[attr-defined]
        self._found.text.append(f"{record.getMessage()} {record.fields}")  # type: ignore[attr-defined]


@cache
def _reader() -> InMemoryMetricReader:
    """Return the process's only reader: OpenTelemetry accepts one provider, which also serves existing instruments."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
    return reader


def _counts(reader: InMemoryMetricReader) -> Counter[Kind]:
    found: Counter[Kind] = Counter()
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name != "blocks.security.events":
                    continue
                for point in metric.data.data_points:
                    assert point.attributes is not None
                    kind = (str(point.attributes["security.event"]), str(point.attributes["security.reason"]))
                    found[kind] += int(point.value)  # type: ignore[union-attr]
    return found
