"""Requests: authorisation, idempotency, and errors for bad input."""

import asyncio
import base64

import httpx
import pytest
import pytest_asyncio
from joserfc import jws, jwt

from shared.http import Cursor, InvalidCursor
from tests.shared.thing import Settings, build
from tests.support.service_runner import run_service

SCOPE = "thing:thing:make"
in_its_loop = pytest.mark.asyncio(loop_scope="module")
"""The event loop for tests of `empty`."""


@pytest.fixture
async def thing(settings, serve):
    async with serve(build(settings(Settings))) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def empty(module_settings):
    """One service for all tests that store nothing."""
    async with run_service(build(module_settings(Settings))) as running:
        yield running


async def test_a_repeat_with_the_same_key_gets_the_stored_reply_and_changes_nothing(thing, tokens):
    headers = {**tokens.bearer(SCOPE), "Idempotency-Key": "one"}
    first = await thing.http.post("/v1/things", json={"name": "chair"}, headers=headers)
    again = await thing.http.post("/v1/things", json={"name": "chair"}, headers={**tokens.bearer(SCOPE), "Idempotency-Key": "one"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len(await thing.service.store.things.all()) == 1


async def test_a_repeat_of_what_would_succeed_again_changes_nothing_at_this_replica_or_another(settings, serve, tokens):
    headers = {**tokens.bearer(SCOPE), "Idempotency-Key": "one"}
    async with serve(build(settings(Settings))) as one, serve(build(settings(Settings))) as two:
        await one.http.post("/v1/things", json={"name": "chair"}, headers=tokens.bearer(SCOPE))
        replies = [await replica.http.post("/v1/things/chair/count", headers=headers) for replica in (one, one, two)]
        assert [reply.status_code for reply in replies] == [200, 200, 200]
        assert [reply.headers.get("idempotency-replayed") for reply in replies] == [None, "true", "true"]
        assert [thing["number"] for thing in await one.service.store.things.all()] == [1]


async def test_the_same_key_with_another_body_is_422_and_of_another_client_is_its_own(thing, tokens):
    await thing.http.post("/v1/things", json={"name": "chair"}, headers={**tokens.bearer(SCOPE), "Idempotency-Key": "one"})
    reused = await thing.http.post("/v1/things", json={"name": "table"}, headers={**tokens.bearer(SCOPE), "Idempotency-Key": "one"})
    assert reused.status_code == 422
    assert reused.json()["type"].endswith("idempotency-key-reused")
    other = await thing.http.post(
        "/v1/things", json={"name": "table"}, headers={**tokens.bearer(SCOPE, client_id="other"), "Idempotency-Key": "one"}
    )
    assert other.status_code == 201


async def test_a_stored_reply_cannot_be_read_in_the_database_and_one_of_before_it_was_sealed_is_given(thing, tokens):
    headers = {**tokens.bearer(SCOPE), "Idempotency-Key": "one"}
    first = await thing.http.post("/v1/things", json={"name": "chair"}, headers=headers)
    rows = thing.service.store.collection("idempotency")
    (row,) = await rows.find({})
    assert "chair" in first.text
    assert "chair" not in str(row)
    row.pop("sealed")
    await rows.replace_one({"_id": row["_id"]}, row | {"body": first.content})
    assert (await thing.http.post("/v1/things", json={"name": "chair"}, headers=headers)).json() == first.json()


async def test_a_stored_reply_is_not_given_without_a_valid_token(thing, tokens):
    await thing.http.post("/v1/things", json={"name": "chair"}, headers={**tokens.bearer(SCOPE), "Idempotency-Key": "one"})
    assert (await thing.http.post("/v1/things", json={"name": "chair"}, headers={"Idempotency-Key": "one"})).status_code == 401


async def test_racing_requests_with_one_key_make_one_thing(thing, tokens):
    headers = {**tokens.bearer(SCOPE), "Idempotency-Key": "race"}
    replies = await asyncio.gather(*(thing.http.post("/v1/things", json={"name": "chair"}, headers=headers) for _ in range(20)))
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert any(reply.status_code == 201 for reply in replies)
    assert len(await thing.service.store.things.all()) == 1
    assert await thing.service.store.collection("idempotency").count({}) == 1


async def test_racing_requests_at_two_replicas_make_one_thing(settings, serve, tokens):
    headers = {**tokens.bearer(SCOPE), "Idempotency-Key": "race"}
    async with serve(build(settings(Settings))) as one, serve(build(settings(Settings))) as two:
        replies = await asyncio.gather(
            *(replica.http.post("/v1/things", json={"name": "chair"}, headers=headers) for replica in (one, two) for _ in range(10))
        )
        assert {reply.status_code for reply in replies} <= {201, 409}
        assert len(await one.service.store.things.all()) == 1


async def test_a_refused_request_leaves_its_key_free(thing, tokens):
    headers = {**tokens.bearer(SCOPE), "Idempotency-Key": "one"}
    await thing.http.post("/v1/things", json={"name": "chair"}, headers=tokens.bearer(SCOPE))
    assert (await thing.http.post("/v1/things", json={"name": "chair"}, headers=headers)).status_code == 409
    await thing.service.store.collection("things").delete_one({"_id": "chair"})
    assert (await thing.http.post("/v1/things", json={"name": "chair"}, headers=headers)).status_code == 201


@in_its_loop
@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        ((b"{}", "application/json"), 400, "body.name"),
        ((b'{"name": 5}', "application/json"), 400, "body.name"),
        ((b'{"name": ""}', "application/json"), 400, "body.name"),
        ((b'{"name": "%s"}' % (b"x" * 51), "application/json"), 400, "body.name"),
        ((b'{"name": "chair"}', "text/plain"), 415, "header.content-type"),
        ((b'{"name": "chair"', "application/json"), 400, "body"),
        ((b"[]", "application/json"), 400, "body"),
        ((b"", "application/json"), 400, "body"),
    ],
)
async def test_bad_input_is_a_4xx_problem_that_names_the_field(empty, tokens, sent, status, field):
    content, content_type = sent
    reply = await empty.http.post("/v1/things", content=content, headers={**tokens.bearer(SCOPE), "Content-Type": content_type})
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert any(error["field"].startswith(field) for error in reply.json()["errors"]), reply.text


@in_its_loop
@pytest.mark.parametrize(
    ("content", "status"),
    [(b'{"name": "\xff\xfe"}', 400), (b"[" * 100_000, 400), (b'{"name": "' + b"x" * 1_100_000 + b'"}', 413)],
)
async def test_an_unparsable_body_is_a_4xx_problem(empty, tokens, content, status):
    reply = await empty.http.post("/v1/things", content=content, headers={**tokens.bearer(SCOPE), "Content-Type": "application/json"})
    assert reply.status_code == status, reply.text
    assert reply.json()["status"] == status


@in_its_loop
@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"scope": "thing:thing:read"}, 403),
        ({"scope": SCOPE, "audience": "urn:london-blocks:other"}, 401),
        ({"scope": SCOPE, "iss": "http://evil.test"}, 401),
        ({"scope": SCOPE, "life": -60}, 401),
    ],
)
async def test_a_token_for_something_else_does_not_open(empty, tokens, claims, status):
    reply = await empty.http.get("/v1/things", headers=tokens.bearer(**claims))
    assert reply.status_code == status
    assert reply.headers["www-authenticate"].startswith("Bearer")


@in_its_loop
@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer x", "Bearer a.b.c", "Basic abc", "Bearer " + "x" * 9000, "Bearer eyJhbGciOiJub25lIn0.e30."]
)
async def test_a_malformed_token_is_401(empty, value):
    assert (await empty.http.get("/v1/things", headers={"Authorization": value})).status_code == 401


@in_its_loop
async def test_a_body_that_does_not_say_its_length_is_counted(empty, tokens):
    async def endless():
        for _ in range(200):
            yield b"x" * 10_000

    reply = await empty.http.post("/v1/things", content=endless(), headers={**tokens.bearer(SCOPE), "Content-Type": "application/json"})
    assert reply.status_code == 413
    assert reply.json()["errors"][0]["field"] == "body"


@in_its_loop
async def test_a_client_that_says_it_sends_too_much_is_heard_out_so_that_it_hears_why(empty, tokens):
    """A server that closes while the client still sends resets the connection, and the answer may be lost."""
    authorization = tokens.bearer(SCOPE)["Authorization"]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(empty.url.rpartition(":")[2]))
    head = f"POST /v1/things HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: 2000000\r\n\r\n".encode() + b" " * 1_000_000)
    await writer.drain()
    answer = asyncio.create_task(reader.readuntil(b"\r\n"))
    assert not (await asyncio.wait({answer}, timeout=0.3))[0]
    writer.write(b" " * 1_000_000)
    assert (await answer).split()[1] == b"413"
    writer.close()


@in_its_loop
async def test_a_token_whose_header_names_another_algorithm_or_type_is_401(empty, tokens):
    claims = {"iss": "http://issuer.test", "sub": "x", "aud": "urn:london-blocks:thing", "scope": SCOPE, "exp": 4_000_000_000}
    id_token = jwt.encode({"alg": "ES256", "kid": tokens.key.kid, "typ": "JWT"}, claims, tokens.key)
    assert (await empty.http.get("/v1/things", headers={"Authorization": f"Bearer {id_token}"})).status_code == 401


@in_its_loop
async def test_unknown_paths_and_methods_are_problems(empty):
    for reply, status in ((await empty.http.get("/nowhere"), 404), (await empty.http.put("/v1/things"), 405)):
        assert reply.status_code == status
        assert reply.headers["content-type"] == "application/problem+json"


@in_its_loop
async def test_health_tells_what_works(empty, eventually):
    async def ready() -> bool:
        body = (await empty.http.get("/ready")).json()
        return bool(body["ready"] and body["broker"])

    await eventually(ready)
    assert (await empty.http.get("/live")).status_code == 200


@in_its_loop
async def test_the_trace_id_of_a_problem_is_the_callers(empty):
    reply = await httpx.AsyncClient().get(f"{empty.url}/nowhere", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert reply.json().get("trace_id") == "a" * 32


@in_its_loop
async def test_tokens_made_to_break_their_reader_are_401(empty, tokens):
    header, payload, signature = tokens.token(SCOPE).split(".")
    deep = base64.urlsafe_b64encode(b"[" * 5_000).decode().rstrip("=")
    signed_deep = jws.serialize_compact({"alg": "ES256", "kid": tokens.key.kid, "typ": "at+jwt"}, b"[" * 5_000, tokens.key)
    hostile = [f"{deep}.{payload}.{signature}", f"{header}.{deep}.{signature}", signed_deep, tokens.token(SCOPE, exp=int("9" * 400))]
    for text in hostile:
        answer = await empty.http.post("/v1/things/none/count", headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 401


def test_a_cursor_holds_only_what_a_database_can_look_for():
    for position_ in ('["\\ud800"]', f"[{2**63}]", f"[{'9' * 400}]", "[" * 5_000, "[1.5]", '{"a": 1}'):
        with pytest.raises(InvalidCursor):
            Cursor.unpack(base64.urlsafe_b64encode(position_.encode()).decode())
    assert Cursor.unpack(Cursor.pack("ö", 7)) == ["ö", 7]
