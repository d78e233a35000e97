"""CPU of a search over HTTP, authorised and traced, against a bare FastAPI app that gives the same results without looking for them.

Postcodes, addresses being typed, and noisy ones, in equal parts; servers are processes, read from outside. What the search itself takes in
the service's process is printed too: the rest of the difference is authorisation, tracing, limits and the chassis.
The release is the demo's, of about 104,000 premises. `python -m benchmarks addresses_http`
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote
from uuid import uuid4

from cryptography.fernet import Fernet

from benchmarks.addresses.noise import by_habit
from benchmarks.processes import Engines, Server, engines
from benchmarks.report import Report, arguments, engine_to_use, median
from benchmarks.web.comparison import TRACEPARENT, App
from benchmarks.web.load import request
from benchmarks.web.stubs import ISSUER, Issuer, span_receiver
from services.addresses.api.v1.addresses import shown
from services.addresses.gazetteer.builds.demo import ensure
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.search.gazetteer import Gazetteer

AT_MOST = 1.5
SCOPE = "addresses:address:read"
SEED = 1
LIMIT = 10
REPLIES = "replies.json"


async def main() -> int:
    """Build a release, serve it by both, ask both in turn."""
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=2000, help="requests a round (default: 2000)")
    options = parser.parse_args()
    with TemporaryDirectory() as data:
        ensure(Path(data), Sources(), SEED)
        texts = _texts(Path(data))
        async with engines(engine_to_use(options.engine), options.broker) as parts:
            ran_on = {**parts.named, "requests": f"{options.requests} a round"}
            report = Report((__doc__ or "").partition("\n")[0], ran_on)
            report.begin()
            in_process = _in_process(Path(data), texts, parts.directory / REPLIES)
            await _compare(report, parts, Path(data), texts, requests=options.requests, rounds=options.rounds)
            report.add("of it the search itself, called in process", in_process * 1000, "us")
    return report.finish(options.json)


def _texts(data: Path) -> list[str]:
    """What is asked."""
    gazetteer = Gazetteer.open(local.current(data)[0])
    dice = random.Random(SEED)
    sample = gazetteer.records(int(uprn) for uprn in dice.sample(gazetteer.uprns.tolist(), 400))
    gazetteer.close()
    texts = []
    for blpu in sample:
        if blpu.delivery_point:
            noisy = by_habit(blpu, dice)
            typed = f"{blpu.lpis[0].pao} {blpu.lpis[0].street}".strip()
            texts += [blpu.postcode, typed[: dice.randint(1, len(typed))], f"{noisy.text} {noisy.postcode}"]
    return list(dict.fromkeys(texts))


def _in_process(data: Path, texts: Sequence[str], replies: Path) -> float:
    """Write what is found for each text; the milliseconds of CPU that finding takes."""
    gazetteer = Gazetteer.open(local.current(data)[0])
    found = {text: gazetteer.answer(text, LIMIT) for text in texts}
    began = time.process_time()
    for text in texts:
        gazetteer.search(text, LIMIT)
    took = time.process_time() - began
    reply = {text: shown(results, gazetteer) for text, results in found.items()}
    gazetteer.close()
    replies.write_text(json.dumps(reply), encoding="utf-8")
    return took * 1000 / len(texts)


def _asks(texts: Sequence[str], token: str | None) -> Callable[[int], bytes]:
    def make(number: int) -> bytes:
        path = f"/v1/addresses/search?q={quote(texts[number % len(texts)])}&limit={LIMIT}"
        if token is None:
            return request("GET", path)
        return request("GET", path, Authorization=f"Bearer {token}", traceparent=TRACEPARENT.format(trace=number + 1, span=number + 1))

    return make


async def _compare(report: Report, parts: Engines, data: Path, texts: Sequence[str], *, requests: int, rounds: int) -> None:
    issuer = Issuer(parts.directory)
    async with span_receiver() as receiver:
        settings = {
            "MONGODB": parts.database.address,
            "KAFKA": parts.broker.address,
            "BROKER_DURABLE": "true" if parts.broker_durable else "false",
            "DATABASE": f"addresses_{uuid4().hex[:8]}",
            "TOPIC_PREFIX": f"r{uuid4().hex[:8]}.",
            "ISSUER": ISSUER,
            "JWKS_URL": issuer.jwks_url,
            "OTLP_ENDPOINT": receiver.url,
            "LOG_LEVEL": "WARNING",
            "ROLE": "api",
            "REQUESTS_PER_MINUTE": "0",
            "SECRET_KEY": Fernet.generate_key().decode(),
            "DATA_DIR": str(data),
            "PREMISES_SEED": str(SEED),
        }
        replies = {"BENCH_REPLIES": str(parts.directory / REPLIES)}
        bare = Server("bare", "benchmarks.web.addresses_bare", directory=parts.directory, environment=replies)
        environment = {f"ADDRESSES_{name}": value for name, value in settings.items()}
        served = Server("served", "services.addresses", directory=parts.directory, environment=environment, port_in="ADDRESSES_PORT")
        apps = {
            "bare FastAPI": App(bare, _asks(texts, None)),
            "addresses": App(served, _asks(texts, issuer.token(SCOPE, service="addresses"))),
        }
        try:
            for app in apps.values():
                await app.server.start()
                await app.round(requests // 4, keep=False)
            for _ in range(rounds):
                for app in apps.values():
                    await app.round(requests, keep=True)
        finally:
            for app in apps.values():
                await app.server.stop()
    bare_ms, served_ms = (median(app.milliseconds) for app in apps.values())
    report.add("CPU a search, bare FastAPI giving the same", bare_ms * 1000, "us")
    report.add("CPU a search, addresses, authorised and traced", served_ms * 1000, "us")
    report.add("ratio of addresses to bare FastAPI", served_ms / bare_ms, "x", at_most=AT_MOST)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
