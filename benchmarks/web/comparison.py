"""Measures the processor time of a request, for the service on the chassis and the bare app in turn, from outside both processes."""

import asyncio
import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

from benchmarks.processes import Engines, Server
from benchmarks.report import Report, cpu_seconds, median
from benchmarks.web.load import offer, request
from benchmarks.web.stubs import ISSUER, Issuer, span_receiver

SCOPE = "benchmark:thing:make"
TRACEPARENT = "00-{trace:032x}-{span:016x}-01"
BARE = "bare FastAPI"
TRACED = "chassis, traced"
UNTRACED = "chassis, no receiver of spans"
ALL = "chassis, traced, relaying too"


@dataclass
class App:
    """A running app and the processor time of its requests, in milliseconds a round."""

    server: Server
    make: Callable[[int], bytes]
    used: int = 0
    milliseconds: list[float] = field(default_factory=list)

    async def round(self, count: int, *, keep: bool) -> None:
        """Send `count` requests and measure the process's CPU time, export of spans included; record it where `keep` is set."""
        numbers = range(self.used, self.used + count)
        self.used = numbers.stop
        before = cpu_seconds(self.server.pid)
        await offer(self.server.url, numbers, self.make)
        await asyncio.sleep(1.5)  # spans are exported once a second, and are part of the cost
        if keep:
            self.milliseconds.append((cpu_seconds(self.server.pid) - before) * 1000 / count)

    def ratio_to(self, reference: "App") -> float:
        """Return the median of the rounds' ratios: a busy machine slows both apps of a round, but not all rounds equally."""
        return median([own / other for own, other in zip(self.milliseconds, reference.milliseconds, strict=True)])


def requests(method: str, token: str | None) -> Callable[[int], bytes]:
    """Return a function from a number to the bytes of its request; without `token` the request suits the bare app."""
    run = uuid4().hex[:8]

    def make(number: int) -> bytes:
        body = json.dumps({"name": f"thing-{run}-{number}", "number": number, "text": "x" * 100}).encode() if method == "POST" else b""
        if token is None:
            return request(method, "/things", body)
        headers = {"Authorization": f"Bearer {token}", "traceparent": TRACEPARENT.format(trace=number + 1, span=number + 1)}
        if method == "POST":
            headers["Idempotency_Key"] = f"{run}-{number}"
        return request(method, "/things", body, **headers)

    return make


async def compare(report: Report, parts: Engines, method: str, driver: str, bar: float, options: Namespace) -> None:  # noqa: PLR0917
    """Measure all apps in turn, round by round, with one driver; add the figures to `report`."""
    issuer = Issuer(parts.directory)
    async with span_receiver() as receiver:
        common = {
            "BENCH_MONGODB": parts.database.address,
            "BENCH_KAFKA": parts.broker.address,
            **parts.kafka_environment,
            "BENCH_DRIVER": driver,
            "BENCH_BROKER_DURABLE": "yes" if parts.broker_durable else "no",
            "BENCH_ISSUER": ISSUER,
            "BENCH_JWKS": issuer.jwks_url,
            "BENCH_SAMPLE": "1",
            "BENCH_OTLP": receiver.url,
            "BENCH_ROLE": "api",
        }
        kinds: dict[str, dict[str, str]] = {BARE: {}, TRACED: {}, UNTRACED: {"BENCH_OTLP": ""}}
        if method == "POST":
            kinds[ALL] = {"BENCH_ROLE": "all"}
        apps: dict[str, App] = {}
        try:
            for number, (kind, over) in enumerate(kinds.items()):
                module = "benchmarks.web.bare" if kind == BARE else "benchmarks.web.chassis"
                environment = common | over | {"BENCH_RUN": f"r{uuid4().hex[:8]}"}
                server = Server(f"{method}-{driver}-{number}", module, directory=parts.directory, environment=environment)
                await server.start()
                apps[kind] = App(server, requests(method, None if kind == BARE else issuer.token(SCOPE)))
            for app in apps.values():
                await app.round(options.requests // 4, keep=False)
            for _ in range(options.rounds):
                for app in apps.values():
                    await app.round(options.requests, keep=True)
        finally:
            for app in apps.values():
                await app.server.stop()
        recorded = sum(app.used for kind, app in apps.items() if kind in (TRACED, ALL))
        exported = receiver.server_spans()
    for kind, app in apps.items():
        report.add(f"{driver}: CPU a {method}, {kind}", median(app.milliseconds) * 1000, "us")
    report.add(f"{driver}: {TRACED}, ratio to bare", apps[TRACED].ratio_to(apps[BARE]), "x", at_most=bar)
    for kind in (UNTRACED, ALL):
        if kind in apps:
            report.add(f"{driver}: {kind}, ratio to bare", apps[kind].ratio_to(apps[BARE]), "x")
    report.add(f"{driver}: spans of requests that were exported", exported / recorded, "of 1", at_least=1.0)
