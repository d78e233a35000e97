"""The envelope of an event: CloudEvents 1.0 in Kafka's binary mode.

CloudEvents 1.0.2 and its Kafka protocol binding 1.0.2, section 3.2: attributes are headers `ce_<name>` in UTF-8, the value
is the payload, `content-type` says what it is. Extensions here: `borough`, `correlationid`, `causationid`, `sequence`
(CloudEvents extension Sequence), and `traceparent` with `tracestate` (W3C Trace Context, as plain headers of those names).

Anybody may write to a topic, so every attribute is bounded. A required attribute that is missing, empty or too long makes the
message malformed; an optional one that cannot be read is ignored.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from uuid_utils import uuid7

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
SOURCE_PREFIX = "urn:london-blocks:"
"""Prefix of `source` in the platform's own events; the service's name follows."""
LONGEST_ATTRIBUTE = 256
"""Bytes in UTF-8 of `id`, `source`, `type`, and the attributes that following events copy."""
LONGEST_TRACESTATE = 512
"""Characters; W3C Trace Context, section 3.3.1.5, requires at least this number."""
LARGEST_SEQUENCE = 2**63 - 1
Headers = Sequence[tuple[str, bytes | None]]
"""Kafka's headers; a value may be null."""

_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_DIGITS = re.compile("[0-9]{1,20}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")


def new_id() -> str:
    """A uuid7 (RFC 9562) as text. Ids increase within one process only, so an id never gives an order."""
    return str(uuid7())


class MalformedEvent(ValueError):  # noqa: N818 (what it is)
    """The message lacks an attribute that CloudEvents requires. The text names the attribute without its value."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of an event, without its payload."""

    id: str
    type: str
    source: str
    time: datetime | None = None
    """None if the sender gave none, or one that RFC 3339 does not allow."""
    borough: str | None = None
    correlation_id: str | None = None
    """The id of the event that began the chain."""
    causation_id: str | None = None
    """The id of the event whose handling published this one."""
    sequence: int = 0
    traceparent: str | None = None
    tracestate: str | None = None

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers of this envelope."""
        pairs = [
            ("ce_specversion", SPEC_VERSION),
            ("ce_id", self.id),
            ("ce_type", self.type),
            ("ce_source", self.source),
            ("content-type", CONTENT_TYPE),
        ]
        optional = (
            ("ce_time", self.time.isoformat().replace("+00:00", "Z") if self.time else None),
            ("ce_borough", self.borough),
            ("ce_correlationid", self.correlation_id),
            ("ce_causationid", self.causation_id),
            ("ce_sequence", f"{self.sequence:020d}" if self.sequence else None),
            ("traceparent", self.traceparent),
            ("tracestate", self.tracestate if self.traceparent else None),
        )
        pairs.extend((name, value) for name, value in optional if value is not None)
        return [(name, value.encode()) for name, value in pairs]

    @property
    def identity(self) -> str:
        """Identifies the event: 32 hexadecimal digits of a digest of source and id (CloudEvents 1.0.2, section 3.1.1)."""
        return digest(self.source, self.id)

    @classmethod
    def read(cls, headers: Iterable[tuple[str, bytes | None]]) -> Self:
        """Reads an envelope from Kafka headers; the last of several with one name counts. Raises `MalformedEvent`."""
        given = {name: value for name, value in headers if value is not None}
        if given.get("ce_specversion") != SPEC_VERSION.encode():
            raise MalformedEvent("header ce_specversion is not 1.0")
        traceparent = _traceparent(given)
        return cls(
            id=_required(given, "ce_id"),
            type=_required(given, "ce_type"),
            source=_required(given, "ce_source"),
            time=_instant(_optional(given, "ce_time")),
            borough=_optional(given, "ce_borough"),
            correlation_id=_optional(given, "ce_correlationid"),
            causation_id=_optional(given, "ce_causationid"),
            sequence=_sequence(_optional(given, "ce_sequence")),
            traceparent=traceparent,
            tracestate=_optional(given, "tracestate", LONGEST_TRACESTATE) if traceparent else None,
        )


def digest(*parts: str | bytes | None) -> str:
    """32 hexadecimal digits of a SHA-256 digest of these parts in order. None differs from an empty part."""
    hashed = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        hashed.update(b"-" if content is None else b"%d:" % len(content))
        hashed.update(content or b"")
    return hashed.hexdigest()[:32]


def header(headers: Headers, name: str) -> str | None:
    """The first header of that name as text; None if there is none, or its value is null."""
    return next((value.decode(errors="replace") for key, value in headers if key == name and value is not None), None)


def traceparent_of(headers: Headers) -> str | None:
    """The trace context of a message, also of one with a malformed envelope."""
    return _traceparent({name: value for name, value in headers if value is not None})


def _traceparent(given: dict[str, bytes]) -> str | None:
    text = _optional(given, "traceparent")
    return text if text is not None and _TRACEPARENT.fullmatch(text) else None


def _required(given: dict[str, bytes], name: str) -> str:
    value = given.get(name)
    if value is None:
        raise MalformedEvent(f"header {name} is missing")
    if len(value) > LONGEST_ATTRIBUTE:
        raise MalformedEvent(f"header {name} is longer than {LONGEST_ATTRIBUTE} bytes")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise MalformedEvent(f"header {name} is not UTF-8") from None
    if not text.strip():
        raise MalformedEvent(f"header {name} is empty")
    return text


def _optional(given: dict[str, bytes], name: str, longest: int = LONGEST_ATTRIBUTE) -> str | None:
    value = given.get(name)
    if not value or len(value) > longest:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _instant(text: str | None) -> datetime | None:
    """Reads a date-time of RFC 3339, section 5.6, which allows lower-case "T" and "Z"; None for another form."""
    if text is None or not _DATE_TIME.fullmatch(text.upper()):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def _sequence(text: str | None) -> int:
    if text is None or not _DIGITS.fullmatch(text):
        return 0
    number = int(text)
    return number if number <= LARGEST_SEQUENCE else 0
