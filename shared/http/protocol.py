"""HTTP/1.1 connections with limits that uvicorn has no settings for.

A head has limits of bytes, fields and the length of its target, and a deadline. A body has a least rate. Without them half a request
stays open as long as its client likes, and many small fields fill a process's memory.
"""

import re
from asyncio import BaseTransport, TimerHandle
from enum import Enum, auto
from typing import Any, cast

from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES = 32_768
MAX_HEAD_FIELDS = 100
MAX_TARGET_BYTES = 16_384
"""Of the request target: path and query (RFC 9110, section 4.1, asks for 8,000 at least; a sign-in page carries up to 16,000)."""
HEAD_SECONDS = 15.0
"""From a connection's first moment, or a request's first byte, to the end of its head."""
BODY_SECONDS = 30.0
"""For a body, whatever its size; each `LEAST_BYTES_A_SECOND` that arrive give a second more."""
LEAST_BYTES_A_SECOND = 10_000
LINGER_SECONDS = 1.0
"""How long a refused connection stays open and drops input: closing at once may reset it before the client reads the answer."""
MOST_CONNECTIONS = 800
"""Connections of one process. Each may hold 64 kB of an unread body. Linux allows a process 1,024 open files by default."""

_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]+)(?::[0-9]*)?")
"""RFC 3986, section 3.2.2; an empty one names no service here."""


class _Part(Enum):
    """The part of a request that the connection awaits."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol within the limits above."""

    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS
    most_connections = MOST_CONNECTIONS

    _awaits = _Part.NOTHING
    _head_bytes = 0
    _unparsed = 0
    _body_bytes = 0
    _body_began = 0.0
    _refusal: tuple[int, str] | None = None
    _refused = False
    _timer: TimerHandle | None = None
    _timer_of = _Part.NOTHING

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(Any, transport))
        if len(self.connections) > self.most_connections:
            self._refuse(503, "Too many connections.")
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unparsed += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self._is_refused():
            return
        if self._awaits is _Part.HEAD and self._unparsed > MAX_HEAD_BYTES:
            self._refuse(431, "The head of the request is too large.")
            return
        self._watch()

    def on_message_begin(self) -> None:
        self._awaits = _Part.HEAD
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            self._fail(414, "The address is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) >= MAX_HEAD_FIELDS:
            self._fail(431, "The head of the request is too large.")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._require_host()
        if b"%00" in self.url.partition(b"?")[0]:
            self._fail(400, "The address holds a character that no name has.")
        self._awaits = _Part.BODY
        self._body_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._awaits = _Part.NOTHING
        self._unparsed = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answers a request that the parser or a limit refuses."""
        self._refuse(*(self._refusal or (400, msg)))

    # ------------------------------------------------------------ what is refused

    def _require_host(self) -> None:
        """One `Host`, and one that can be a host (RFC 9112, section 3.2)."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if not hosts and self.parser.get_http_version() == "1.0":
            return
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            self._fail(400, "A request names one host.")

    def _fail(self, status: int, reason: str) -> None:
        """End the parsing. The parser calls this, and passes the error to `data_received`."""
        self._refusal = (status, reason)
        raise HttpParserError(reason)

    def _is_refused(self) -> bool:
        return self._refused

    def _refuse(self, status: int, reason: str) -> None:
        """Answer and close. Only close while the connection still answers another request."""
        if self._refused:
            return
        self._refused = True
        self._stop_timer()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            answers_this = self._awaits is _Part.BODY and not cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
            if not answers_this:
                self.transport.close()
                return
        retry = b"retry-after: 5\r\n" if status == 503 else b""
        head = (STATUS_LINE[status], b"content-type: text/plain; charset=utf-8\r\n", retry, b"cache-control: no-store\r\n")
        tail = (b"content-length: %d\r\n" % len(reason), b"connection: close\r\n\r\n", reason.encode("ascii"))
        self.transport.write(b"".join((*head, *tail)))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    # ------------------------------------------------------------ deadlines

    def _watch(self) -> None:
        """Run the timer of the part that the connection awaits."""
        if self._awaits is _Part.BODY:
            if self._timer_of is not _Part.BODY:
                self._await_body()
        elif self._awaits is _Part.HEAD or self._is_idle():
            if self._timer_of is not _Part.HEAD:
                self._await_head()
        elif self._timer is not None:
            self._stop_timer()

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _await_head(self) -> None:
        self._stop_timer()
        self._timer, self._timer_of = self.loop.call_later(self.head_seconds, self._head_is_late), _Part.HEAD

    def _head_is_late(self) -> None:
        self._timer, self._timer_of = None, _Part.NOTHING
        if self._awaits is _Part.HEAD:
            self._refuse(408, "The request took too long.")
        else:
            self.transport.close()

    def _await_body(self) -> None:
        self._stop_timer()
        self._body_began = self.loop.time()
        self._timer, self._timer_of = self.loop.call_later(self.body_seconds, self._look_at_body), _Part.BODY

    def _look_at_body(self) -> None:
        """Refuse a body that is too slow. The time in which the service itself does not read is not the client's fault."""
        now = self.loop.time()
        if self.flow.read_paused:
            self._body_began = now - self._body_bytes / LEAST_BYTES_A_SECOND
        left = self._body_began + self.body_seconds + self._body_bytes / LEAST_BYTES_A_SECOND - now
        if left <= 0:
            self._timer, self._timer_of = None, _Part.NOTHING
            self._refuse(408, "The body took too long.")
            return
        self._timer = self.loop.call_later(max(left, 0.1), self._look_at_body)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_of = None, _Part.NOTHING
