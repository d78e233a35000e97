"""A service: its composition root returns a `Service`, which starts, serves, reports its health and stops."""

import argparse
import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
import uvloop
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from contracts.events.platform import DEAD_LETTERS
from shared import limits, security, telemetry
from shared.auth import TokenValidator
from shared.bus.receiver import Receiver
from shared.bus.router import EventRouter
from shared.commands import Commands
from shared.http.accept import prefers_page
from shared.http.admission import Admission
from shared.http.errors import as_problem, failure_of
from shared.http.head import HeadAsGet, allowing_head
from shared.http.openapi import Application
from shared.http.problems import PATH as PROBLEM_TYPES
from shared.http.protocol import BoundedProtocol
from shared.http.reference import add_home, add_reference
from shared.http.responses import SafeHeaders, SlashRedirect
from shared.kafka.broker import BrokerWatch
from shared.mongo import Database, DatabaseError
from shared.outbox.relay import Relay
from shared.pages import Pages
from shared.presence import HEARTBEAT_SECONDS, Presence
from shared.readiness import Readiness
from shared.settings import Role, ServiceSettings, SettingsError
from shared.worker import Worker

log = logging.getLogger(__name__)
S = TypeVar("S", bound=ServiceSettings)
Hook = Callable[[], Awaitable[object]]
GRACE_SECONDS = 5
"""The longest that a stopping service waits for requests under way."""
STOP_SECONDS = 10.0
"""The longest that a stop takes in all. Then the process ends like a killed one, which loses nothing: a frozen database or broker does not
keep it waiting."""
YOUNG_OBJECTS = 10_000
"""New objects between two collections; CPython's default is 700."""
KEEP_ALIVE_SECONDS = 75
"""Longer than any client or gateway keeps an idle connection (httpx: 5 s), so that none sends into a connection that closes here."""
_NO_OTHER_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own spans carry the path and the query with their values, and begin a second trace."""

_ABOUT_EVERY_API = """\
Times are UTC in ISO 8601, boroughs GSS codes. Errors are problem details (RFC 9457) unless a tag names another shape; their `type` leads
to a page that explains it, and [all of them](problems) are listed. Lists are paged by an opaque `cursor`.

Before any operation is reached, a connection answers 408 (too slow), 414 (address too long), 421 (another host) and
431 (headers too large)."""


class StartError(RuntimeError):
    """The service cannot start. The message is one line with the remedy."""


class Service:
    """One service. `app` is its FastAPI application; `serve()` runs it with its workers until SIGINT or SIGTERM."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        *,
        store: Database[Any] | None = None,
        routers: Sequence[APIRouter] = (),
        events: Sequence[EventRouter] = (),
        workers: Sequence[Worker] = (),
        provides: Sequence[object] = (),
        tells: Callable[[], Mapping[str, object]] | None = None,
        seed: Callable[[Path], Awaitable[object]] | None = None,
        on_start: Sequence[Hook] = (),
        on_stop: Sequence[Hook] = (),
        title: str | None = None,
        description: str = "",
        version: str = "1.0.0",
    ) -> None:
        self.name = name
        self.settings = settings
        self.store: Any = store
        """The service's `Database`, or None."""
        self._readiness = None if store is None else Readiness(store)
        self.events = list(events)
        """The routers of what it consumes and publishes."""
        self._workers = list(workers)
        self._seed, self._on_start, self._on_stop = seed, list(on_start), list(on_stop)
        self._tells = tells
        """Fields that the service adds to `/ready`. They change no status."""
        self._running: list[Callable[[], Awaitable[object]]] = []
        self._working: list[Callable[[], Awaitable[object]]] = []
        """Stops of all that takes work in: workers, consumers, the relay."""
        self._watch: BrokerWatch | None = None
        self._relay: Relay | None = None
        self._receivers: list[Receiver] = []
        self._started = False
        self._topics = {topic for router in events for topic in (*router.topics, *(event.topic for event in router.published))}
        if self._topics:
            self._topics.add(DEAD_LETTERS)
        self.app = self._application(title or f"London Building Blocks: {name.replace('_', ' ')}", description, version)
        counts = None if store is None else store.collection(limits.COLLECTION)
        provided: dict[type, object] = {TokenValidator: TokenValidator(settings, counts), Admission: Admission()}
        for thing in [settings, *([store] if store is not None else []), *provides]:
            provided[type(thing)] = thing
        self.app.state.provided = provided
        for router in routers:
            self.app.include_router(router)
        self._add_own_routes()

    # -- the application ---------------------------------------------------------------------------------------------------------------

    def _application(self, title: str, description: str, version: str) -> Application:
        @contextlib.asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            await self.start()
            try:
                yield
            finally:
                await self.stop()

        app = Application(
            self.settings.issuer,
            title=title,
            description=f"{description}\n\n{_ABOUT_EVERY_API}".strip(),
            version=version,
            contact={"name": "London Building Blocks contributors"},
            license_info={"name": "MIT", "identifier": "MIT"},
            lifespan=lifespan,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            telemetry=_NO_OTHER_TELEMETRY,
        )
        app.state.problem_types = f"{self.settings.public_url}{PROBLEM_TYPES}/"

        async def problem(request: Request, error: Exception) -> Response:
            failure = failure_of(error)
            failure = replace(failure, headers=allowing_head(failure.headers))
            pages: Pages | None = app.state.provided.get(Pages)
            if pages is not None and prefers_page(request):
                return pages.failure(request, failure)
            return as_problem(request, failure)

        for kind in (HTTPException, RequestValidationError, DatabaseError, Exception):
            app.add_exception_handler(kind, problem)
        app.router.default = SlashRedirect(app.router.routes)
        app.add_middleware(SafeHeaders)
        if self.settings.trusted_proxies:
            app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=self.settings.trusted_proxies)  # type: ignore[arg-type,unused-ignore]
        app.add_middleware(HeadAsGet)
        app.add_middleware(telemetry.TraceMiddleware)  # type: ignore[arg-type,unused-ignore]
        return app

    def _add_own_routes(self) -> None:
        """Add the chassis's own routes, after the service's: each request is compared with the routes one after another."""
        add_reference(self.app)
        add_home(self.app)
        self.app.add_api_route("/live", self._live, include_in_schema=False)
        self.app.add_api_route("/ready", self._ready, include_in_schema=False)

    async def _live(self) -> Response:
        """Whether the process makes progress; 503 asks the platform to replace it."""
        stuck = any(receiver.is_stuck for receiver in self._receivers) or (self._relay is not None and self._relay.is_stuck)
        return JSONResponse({"live": not stuck}, 503 if stuck else 200)

    async def _ready(self) -> Response:
        """Whether the service can answer requests: its database serves rows. The broker's state changes no status, as work waits for it."""
        database, dead_commands = self._readiness is None or await self._readiness.database_serves(), 0
        if database and self.store is not None and self._workers:
            with contextlib.suppress(DatabaseError, TimeoutError):
                async with asyncio.timeout(3):
                    dead_commands = await Commands(self.store).count_dead()
        consuming = all(receiver.is_consuming for receiver in self._receivers)
        broker = self._watch is None or self._watch.epoch is not None
        ready = self._started and database
        body: dict[str, Any] = {"ready": ready, "database": database, "broker": broker, "consuming": consuming}
        if self._receivers:
            body["lag"] = sum(receiver.lag() for receiver in self._receivers)
        if self._tells is not None:
            body.update(self._tells())
        if self._relay is not None and (unsent := self._relay.unsent.count):
            body["unsent"] = unsent
        if dead_commands:
            body["dead_commands"] = dead_commands
        if self._watch is not None and self._watch.flaws:
            body["topics"] = dict(sorted(self._watch.flaws.items()))
        return JSONResponse(body, 200 if ready else 503)

    # -- start and stop ----------------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start indexes, first data, relay, consumers, workers. Raises `StartError` with one line if the database refuses the service."""
        if self.store is not None:
            try:
                await self.store.start()
            except DatabaseError as error:
                raise StartError(f"{self.name}: {error}. Check {self._variable('MONGODB')} (address, user and password).") from error
            self._running.append(self.store.close)
            await self._register(self.store.presence)
        if self._seed is not None and self.settings.seed_file:
            await self._seed(Path(self.settings.seed_file))
        for hook in self._on_start:
            await hook()
        self._running.extend(reversed(self._on_stop))
        if self.settings.role is not Role.API:
            self._start_workers()
        self._started = True

    async def _register(self, presence: Presence) -> None:
        await presence.start()
        self._running.append(presence.deregister)
        heartbeats = Worker("heartbeats", presence.heartbeat, interval=HEARTBEAT_SECONDS)
        heartbeats.start()
        self._running.append(heartbeats.stop)

    def _start_workers(self) -> None:
        if self.store is not None and self._topics:
            self._watch = BrokerWatch(self.settings, {f"{self.settings.topic_prefix}{topic}" for topic in self._topics})
            self._relay = Relay(self.store, self._watch)
            self._relay.start()
            self._running.append(self._watch.stop)
            self._working.append(self._relay.stop)
            for router in self.events:
                if not router.handlers:
                    continue
                receiver = Receiver(self.store, router, self._watch)
                receiver.start()
                self._receivers.append(receiver)
                self._working.append(receiver.stop)
            self._watch.start()
        for worker in self._workers:
            worker.start()
            self._working.append(worker.stop)

    async def stop(self) -> None:
        """Stop workers, consumers and relay at once; then close the rest in the reverse order of their starts."""
        self._started = False
        working, self._working = self._working, []
        await asyncio.gather(*(_end(stop) for stop in working))
        while self._running:
            await _end(self._running.pop())
        self._receivers.clear()
        security.flush()

    def serve(self) -> int:
        """Run until SIGINT or SIGTERM. Returns the process's exit code; a failed start prints its reason in one line."""
        stop_telemetry = telemetry.setup(self.settings)
        try:
            listener = _listen(self.settings, self._variable("PORT"))
            config = self.server_config(timeout_graceful_shutdown=GRACE_SECONDS)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(self._serve(uvicorn.Server(config), listener))
        except StartError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        finally:
            stop_telemetry()

    def server_config(self, **options: Any) -> uvicorn.Config:
        """uvicorn's configuration; `options` are uvicorn's own."""
        return uvicorn.Config(
            self.app,
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            proxy_headers=False,  # the application's middleware reads them, from `trusted_proxies` alone
            **options,
        )

    async def _serve(self, server: uvicorn.Server, listener: socket.socket) -> int:
        loop = asyncio.get_running_loop()
        starting = asyncio.ensure_future(self.start())

        def end() -> None:
            if not server.should_exit:
                _cut_after(STOP_SECONDS)
            server.should_exit = True
            starting.cancel()  # a start may take long: it builds first data

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end)
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]  # uvicorn would handle the signals itself
        try:
            await starting
            _spare_the_collector()
            await server.serve(sockets=[listener])
        except asyncio.CancelledError:
            if not server.should_exit:
                raise
        except OSError as error:
            raise StartError(f"{self.name}: {_plainly(error)}") from error
        finally:
            await self.stop()
        return 0

    def _variable(self, field: str) -> str:
        return f"{self.settings.model_config.get('env_prefix', '')}{field}"


async def _end(stop: Callable[[], Awaitable[object]]) -> None:
    try:
        await stop()
    except Exception:
        log.warning("stopping a part failed", exc_info=True)


def _spare_the_collector() -> None:
    """Exempt what the start made from garbage collection: it lives until the end, and each full collection would visit all of it.

    Collections of young objects become rarer too: spans wait for their export by the hundred, so most visits would free nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _cut_after(seconds: float) -> None:
    """End this process after `seconds`, whatever it waits for. A thread does it, because the event loop may hang."""

    def cut() -> None:
        log.warning("the stop took longer than %.0f s; the process ends without waiting for database and broker", seconds)
        sys.stdout.flush()
        os._exit(0)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()


def _listen(settings: ServiceSettings, variable: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        raise StartError(
            f"{settings.name}: port {settings.port} on {settings.host}: {_plainly(error)}. Set {variable} to another port."
        ) from error
    return listener


def _plainly(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "it is in use"
    if error.errno == errno.ENOSPC:
        return f"the disk is full ({error.filename or 'no file named'}); free some space and start again"
    return f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"


def main(module: str, settings_type: type[S], build: Callable[[S], Service]) -> None:
    """Run `python -m services.NAME [--role api|worker|all]`, with settings from the environment. A wrong one exits 2 with one line."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=(build.__doc__ or "").strip())
    parser.add_argument("--role", choices=[role.value for role in Role], help="what this process does (default: all)")
    arguments = parser.parse_args()
    try:
        settings = settings_type.load(**({"role": arguments.role} if arguments.role else {}))
        service = build(settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    code = service.serve()
    sys.stdout.flush()
    os._exit(code) if code else sys.exit(0)
