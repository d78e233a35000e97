"""The envelope of an event: CloudEvents 1.0 in Kafka's binary mode.

CloudEvents 1.0.2 and its Kafka protocol binding 1.0.2, section 3.2: attributes are headers `ce_<name>` in UTF-8, the value
is the payload, `content-type` says what it is. Extensions here: `borough`, `correlationid`, `causationid`, `sequence`
(CloudEvents extension Sequence) and `traceparent` (W3C Trace Context, as a plain header of that name).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from uuid_utils import uuid7

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"


def new_id() -> str:
    """A uuid7 (RFC 9562) in its text form. Ids of one process increase; those of two do not, so an id never says what came first."""
    return str(uuid7())


class MalformedEvent(ValueError):  # noqa: N818 (what it is)
    """The message lacks what CloudEvents requires."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known about an event besides its payload."""

    id: str
    type: str
    source: str
    time: datetime
    borough: str | None = None
    correlation_id: str | None = None
    """The id of the event that began the chain."""
    causation_id: str | None = None
    """The id of the event whose handling published this one."""
    sequence: int = 0
    traceparent: str | None = None

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers of this envelope."""
        pairs = [
            ("ce_specversion", SPEC_VERSION),
            ("ce_id", self.id),
            ("ce_type", self.type),
            ("ce_source", self.source),
            ("ce_time", self.time.isoformat().replace("+00:00", "Z")),
            ("content-type", CONTENT_TYPE),
        ]
        optional = (
            ("ce_borough", self.borough),
            ("ce_correlationid", self.correlation_id),
            ("ce_causationid", self.causation_id),
            ("ce_sequence", f"{self.sequence:020d}" if self.sequence else None),
            ("traceparent", self.traceparent),
        )
        pairs.extend((name, value) for name, value in optional if value is not None)
        return [(name, value.encode()) for name, value in pairs]

    @classmethod
    def read(cls, headers: Iterable[tuple[str, bytes]]) -> Self:
        """Read an envelope from Kafka headers. Raises `MalformedEvent` naming what is missing or wrong."""
        try:
            given = {name: value.decode() for name, value in headers}
        except UnicodeDecodeError as error:
            raise MalformedEvent("a header is not UTF-8") from error
        if given.get("ce_specversion") != SPEC_VERSION:
            raise MalformedEvent("header ce_specversion is not 1.0")
        try:
            return cls(
                id=given["ce_id"],
                type=given["ce_type"],
                source=given["ce_source"],
                time=datetime.fromisoformat(given["ce_time"]),
                borough=given.get("ce_borough"),
                correlation_id=given.get("ce_correlationid"),
                causation_id=given.get("ce_causationid"),
                sequence=int(given.get("ce_sequence", "0")),
                traceparent=given.get("traceparent"),
            )
        except KeyError as error:
            raise MalformedEvent(f"header {error.args[0]} is missing") from error
        except ValueError as error:
            raise MalformedEvent(f"header ce_time or ce_sequence is wrong: {error}") from error


def header(headers: Sequence[tuple[str, bytes]], name: str) -> str | None:
    """The first header of that name as text, or None."""
    return next((value.decode(errors="replace") for key, value in headers if key == name), None)
