"""Heads and bodies that are too large, too slow or ambiguous; uncacheable answers; redirects without a host."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import psutil
import pytest
import pytest_asyncio

from shared import clock
from shared.http import protocol
from shared.http.protocol import BoundedProtocol
from tests.security.raw import send
from tests.shared.thing import Settings, build
from tests.support.service_runner import RunningService, eventually, run_service

SCOPE = "thing:thing:make"
HEAD = b"GET /live HTTP/1.1\r\nHost: localhost\r\n"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thing(module_settings) -> AsyncIterator[RunningService]:
    async with run_service(build(module_settings(Settings))) as running:
        yield running


def port_of(running: RunningService) -> int:
    return running.service.settings.port


async def test_a_head_that_is_too_large_is_refused(thing):
    many = b"".join(b"x-%d: y\r\n" % number for number in range(200))
    cases = {
        "many fields": (HEAD + many + b"\r\n", 431),
        "one long field": (HEAD + b"x: " + b"y" * 40_000 + b"\r\n\r\n", 431),
        "a field without an end": (HEAD + b"x: " + b"y" * 200_000, 431),
        "a name without an end": (HEAD + b"x" * 200_000, 431),
        "a long target": (b"GET /live?" + b"q" * 17_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        "a target without an end": (b"GET /" + b"q" * 200_000, 414),
    }
    for name, (request, status) in cases.items():
        assert (await send(port_of(thing), request)).status == status, name
    within = HEAD + b"x: " + b"y" * 20_000 + b"\r\n\r\n"
    assert (await send(port_of(thing), within)).status == 200


async def test_small_fields_without_number_take_no_memory(thing):
    before = psutil.Process().memory_info().rss
    fields = b"".join(b"h%07d: v\r\n" % number for number in range(60_000))
    for _ in range(20):
        assert (await send(port_of(thing), HEAD, fields)).status in (431, 0)
    assert psutil.Process().memory_info().rss - before < 30_000_000


async def test_one_host_is_named(thing):
    for hosts, status in (
        (b"", 400),
        (b"Host: a\r\nHost: b\r\n", 400),
        (b"Host: a\r\nhost: a\r\n", 400),
        (b"Host: a/b\r\n", 400),
        (b"Host: a@b\r\n", 400),
        (b"Host: \r\n", 400),
        (b"Host: [::1]:8000\r\n", 200),
        (b"Host: a.b:80\r\n", 200),
    ):
        assert (await send(port_of(thing), b"GET /live HTTP/1.1\r\n" + hosts + b"\r\n")).status == status, hosts
    assert (await send(port_of(thing), b"GET /live HTTP/1.0\r\n\r\n")).status == 200


async def test_a_character_that_no_name_has_is_a_400(thing):
    assert (await send(port_of(thing), b"GET /static/a%00b HTTP/1.1\r\nHost: a\r\n\r\n")).status == 400


async def test_half_requests_end(thing, monkeypatch):
    monkeypatch.setattr(BoundedProtocol, "head_seconds", 0.3)
    monkeypatch.setattr(BoundedProtocol, "body_seconds", 0.3)
    monkeypatch.setattr(protocol, "LEAST_BYTES_A_SECOND", 1_000_000)
    post = b"POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    for name, request, status in (
        ("nothing", b"", 0),
        ("a line's end", b"\r\n", 0),
        ("half a line", b"GET /li", 408),
        ("half a head", HEAD, 408),
        ("no body", post, 408),
        ("half a body", post + b'{"name":', 408),
    ):
        answer = await send(port_of(thing), request, seconds=5)
        assert (answer.status, answer.closed or status == 408) == (status, True), name


async def test_a_body_that_keeps_its_rate_may_take_longer(thing, tokens, monkeypatch):
    monkeypatch.setattr(BoundedProtocol, "body_seconds", 0.3)
    monkeypatch.setattr(protocol, "LEAST_BYTES_A_SECOND", 10)
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(thing))
    body = json.dumps({"name": "slow"}).encode()
    bearer = tokens.bearer(SCOPE)["Authorization"].encode()
    writer.write(b"POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: " + bearer)
    writer.write(b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:8])
    loop = asyncio.get_running_loop()
    began = loop.time()
    await eventually(lambda: loop.time() - began > 0.5)
    writer.write(body[8:])
    assert b" 201 " in await reader.readline()
    writer.close()


async def test_connections_above_the_limit_get_503_and_retry_after(thing, monkeypatch):
    monkeypatch.setattr(BoundedProtocol, "most_connections", 3)
    held = [await asyncio.open_connection("127.0.0.1", port_of(thing)) for _ in range(6)]
    answers = [await asyncio.wait_for(reader.read(1_000), 20) for reader, _ in held[3:]]
    assert all(b" 503 " in answer and b"retry-after" in answer for answer in answers)
    for _, writer in held:
        writer.close()

    async def free() -> bool:
        return (await send(port_of(thing), HEAD + b"\r\n")).status == 200

    await eventually(free)


async def test_answers_are_not_kept_and_not_guessed_at(thing, tokens):
    for answer in (
        await thing.http.get("/live"),
        await thing.http.get("/no/such"),
        await thing.http.post("/v1/things", json={"name": "kept"}, headers=tokens.bearer(SCOPE)),
        await thing.http.post("/v1/things", json={}, headers=tokens.bearer(SCOPE)),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    public = await thing.http.get("/openapi.json")
    assert public.headers["x-content-type-options"] == "nosniff"
    assert public.headers["cache-control"] == "no-cache", "it may be kept, and is asked for again"


async def test_a_redirect_for_a_slash_names_no_host(thing):
    for path, target in (("/live/", "/live"), ("/v1/things/?a=b%20c", "/v1/things?a=b%20c"), ("/live///", "/live"), ("//live/", "/live")):
        answer = await send(port_of(thing), f"GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
        if answer.status == 404 and path.startswith("//"):
            continue
        assert (answer.status, answer.headers["location"]) == (307, target), path


async def test_a_client_that_hangs_up_is_no_error_of_ours(thing, tokens, caplog):
    bearer = tokens.bearer(SCOPE)["Authorization"].encode()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", port_of(thing))
            writer.write(b"POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: " + bearer)
            writer.write(b'\r\nContent-Length: 1000\r\n\r\n{"name":')
            await writer.drain()
            assert (await thing.http.get("/live")).status_code == 200  # the service has read the head
            writer.close()
            await writer.wait_closed()
        for _ in range(3):
            assert (await thing.http.get("/live")).status_code == 200
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_who_asks_too_often_is_told_when_to_come_again(module_settings, tokens):
    async with run_service(build(module_settings(Settings, requests_per_minute=5))) as running:
        headers = tokens.bearer(SCOPE)
        with clock.at(clock.now()):  # one window
            answers = [await running.http.post("/v1/things/none/count", headers=headers) for _ in range(7)]
        assert [answer.status_code == 429 for answer in answers] == [False] * 5 + [True] * 2
        refused = answers[-1]
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit-policy"] == '"caller";q=5;w=60'
        assert refused.headers["ratelimit"].startswith('"caller";r=0;t=')
        assert refused.json()["type"].endswith("too-many-requests")
        others = await running.http.post("/v1/things/none/count", headers=tokens.bearer(SCOPE, client_id="other"))
        assert others.status_code != 429
