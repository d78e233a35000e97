"""Security events: refused credentials, codes, tokens, forms and seals, counted and logged within a bound on lines.

`record(Event.CLIENT_REFUSED, "wrong_secret", client="move-home")` adds one to the OpenTelemetry counter `blocks.security.events`
(attributes `security.event` and `security.reason`) and writes a JSON log line. It writes the first event of a kind at once; the events
of the next ten seconds share one line with their number. Events never carry personal data: no address, no network, no token, no
secret. docs/security-events.md lists them.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from opentelemetry import metrics

log = logging.getLogger(__name__)
INTERVAL_SECONDS = 10.0
"""Events of one kind within this time share a log line."""
MOST_KINDS = 50
"""The most kinds counted separately; further kinds of an event share the reason `other`. Bounds lines and memory."""
OTHER = "other"
_counter = metrics.get_meter("london-building-blocks").create_counter(
    "blocks.security.events",
    unit="{event}",
    description="Refused credentials, codes, tokens, forms and seals, limits that were met, key changes.",
)


class Event(StrEnum):
    """The security events."""

    CLIENT_REFUSED = "client_refused"
    """A client, or the holder of an API key, failed to authenticate."""
    GRANT_REFUSED = "grant_refused"
    """An authorization code was unknown, used before, or presented with a wrong verifier."""
    SIGN_IN_CODE_REFUSED = "sign_in_code_refused"
    """A person entered a wrong or dead sign-in code."""
    TOKEN_REFUSED = "token_refused"  # noqa: S105 (an event's name)
    """A request came without a valid access token (401)."""
    ACCESS_REFUSED = "access_refused"
    """An authenticated caller asked for an action that it may not take (403)."""
    OTHER_BOROUGH = "other_borough"
    """A caller named a resource of another borough; the answer was 404."""
    FORM_FORGED = "form_forged"
    """A form came from another site, or without its token (cross-site request forgery)."""
    SEAL_REFUSED = "seal_refused"
    """Somebody changed a sealed value, sealed it with another key, or used it for another purpose."""
    RATE_LIMITED = "rate_limited"
    """A caller exceeded a limit (429)."""
    MAIL_REFUSED = "mail_refused"
    """Notifications refuses a message of the platform itself."""
    KEY_ROTATED = "key_rotated"
    """A new key signs or seals."""


_OF_STATUS = {
    401: (Event.TOKEN_REFUSED, "unauthenticated"),
    403: (Event.ACCESS_REFUSED, "forbidden"),
    429: (Event.RATE_LIMITED, "request"),
}


@dataclass(frozen=True, slots=True)
class _Kind:
    event: Event
    reason: str
    client: str | None
    borough: str | None


@dataclass(slots=True)
class _Window:
    began: float
    pending: int = 0


@dataclass(slots=True)
class _Request:
    recorded: bool = False


_request: ContextVar[_Request | None] = ContextVar("security_request", default=None)


class Lines:
    """Writes at most two lines for each kind of event in ten seconds: the first event, and how many followed."""

    def __init__(self) -> None:
        self._windows: dict[_Kind, _Window] = {}

    def add(self, kind: _Kind) -> None:
        """Count one event. Writes it if it is the first of its kind in ten seconds."""
        if kind not in self._windows and len(self._windows) >= MOST_KINDS:
            self._close_ended()
            if len(self._windows) >= MOST_KINDS:
                kind = _Kind(kind.event, OTHER, None, None)
        window = self._windows.get(kind)
        if window is not None and time.monotonic() - window.began < INTERVAL_SECONDS:
            window.pending += 1
            return
        if window is not None:
            self._close(kind)
        self._windows[kind] = _Window(time.monotonic())
        _write(kind, 1)
        with contextlib.suppress(RuntimeError):  # no loop: the next event or `flush` closes the window
            asyncio.get_running_loop().call_later(INTERVAL_SECONDS, self._close_ended)

    def flush(self) -> None:
        """Write the counts that no line has yet."""
        for kind in list(self._windows):
            self._close(kind)

    def _close_ended(self) -> None:
        at = time.monotonic()
        for kind, window in list(self._windows.items()):
            if at - window.began >= INTERVAL_SECONDS:
                self._close(kind)

    def _close(self, kind: _Kind) -> None:
        window = self._windows.pop(kind)
        if window.pending:
            _write(kind, window.pending)


_lines = Lines()


def record(event: Event, reason: str, *, client: str | None = None, borough: str | None = None) -> None:
    """Count a security event and log it.

    `reason` is one of a few fixed words. `client` is the id of a registered client, never one that a caller merely claims; `borough` is
    its GSS code.
    """
    if (request := _request.get()) is not None:
        request.recorded = True
    _counter.add(1, {"security.event": event.value, "security.reason": reason})
    _lines.add(_Kind(event, reason, client, borough))


def flush() -> None:
    """Write the counts that no line has yet. A stopping service calls it."""
    _lines.flush()


@contextmanager
def record_refusals() -> Iterator["Answer"]:
    """Surround one request: records a 401, 403 or 429 unless code inside recorded a more exact event."""
    request = _Request()
    token = _request.set(request)
    answered = Answer()
    try:
        yield answered
    finally:
        _request.reset(token)
        if answered.status in _OF_STATUS and not request.recorded:
            record(*_OF_STATUS[answered.status])


@dataclass(slots=True)
class Answer:
    """The status of a request's answer; 0 before it."""

    status: int = 0


def _write(kind: _Kind, count: int) -> None:
    fields = {"security_event": kind.event.value, "reason": kind.reason, "client": kind.client, "borough": kind.borough, "count": count}
    present = {name: value for name, value in fields.items() if value is not None}
    log.warning("security event %s (%s), %d", kind.event.value, kind.reason, count, extra={"fields": present})
