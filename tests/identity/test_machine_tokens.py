"""The client credentials grant, and client authentication."""

import base64
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from shared import clock
from shared.auth import ClientCredentials
from tests.identity.citizen import CLIENT, SECRET
from tests.identity.conftest import ASSERTION_KEY, MACHINE_SECRET
from tests.support.service_runner import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def identity(shared_identity: RunningService) -> RunningService:
    return shared_identity


MACHINE = ("machine", MACHINE_SECRET)
GRANT = {"grant_type": "client_credentials"}
READ = "addresses:address:read"


async def test_a_stock_client_library_gets_a_token(identity):
    async with AsyncOAuth2Client(*MACHINE, scope=READ) as client:
        token = await client.fetch_token(f"{identity.url}/token")
    assert token["token_type"] == "Bearer"
    keys = KeySet.import_key_set((await identity.http.get("/.well-known/jwks.json")).json())
    decoded = jwt.decode(token["access_token"], keys, algorithms=["ES256"])
    assert decoded.header["typ"] == "at+jwt"
    claims = decoded.claims
    assert claims.pop("exp") - claims.pop("iat") == token["expires_in"] == 600
    assert claims.pop("jti")
    assert claims == {
        "iss": identity.url,
        "sub": "machine",
        "client_id": "machine",
        "aud": "urn:london-blocks:addresses",
        "scope": READ,
        "borough": "E09000012",
        "sector": "E09000012",
    }


async def test_the_chassis_own_client_gets_a_token(identity):
    assert await ClientCredentials(f"{identity.url}/token", *MACHINE, READ).token()


async def test_the_answer_is_never_stored(identity):
    reply = await identity.http.post("/token", data={**GRANT, "scope": READ}, auth=MACHINE)
    assert (reply.status_code, reply.headers["cache-control"]) == (200, "no-store")


async def test_scopes_are_of_one_block_and_the_clients_own(identity):
    async def ask(**parameters: Any) -> tuple[int, str]:
        reply = await identity.http.post("/token", data={**GRANT, **parameters}, auth=MACHINE)
        body = reply.json()
        return reply.status_code, body.get("scope") or body["error"]

    assert await ask() == (400, "invalid_scope")  # two blocks
    assert await ask(scope=f"{READ} data_sharing:share:create") == (400, "invalid_scope")
    assert await ask(scope=f"{READ} data_sharing:share:create", resource="urn:london-blocks:addresses") == (200, READ)
    assert await ask(resource="urn:london-blocks:data_sharing") == (200, "data_sharing:agreement:read data_sharing:share:create")
    assert await ask(scope="openid") == (400, "invalid_scope")
    assert await ask(scope="notifications:message:send") == (400, "invalid_scope")
    assert await ask(scope=READ, resource="urn:london-blocks:notifications") == (400, "invalid_target")
    assert await ask(scope=READ, resource=["urn:london-blocks:addresses", "urn:london-blocks:identity"]) == (400, "invalid_target")


async def test_wrong_requests_are_refused_in_oauths_shape(identity):
    async def ask(**options: Any) -> tuple[int, str]:
        reply = await identity.http.post("/token", **options)
        assert reply.headers["cache-control"] == "no-store"
        return reply.status_code, reply.json()["error"]

    form = {"content-type": "application/x-www-form-urlencoded"}
    assert await ask(auth=MACHINE) == (400, "invalid_request")
    assert await ask(auth=MACHINE, json=GRANT) == (400, "invalid_request")
    assert await ask(auth=MACHINE, data={"scope": READ}) == (400, "invalid_request")
    assert await ask(auth=MACHINE, data={"grant_type": "password"}) == (400, "unsupported_grant_type")
    assert await ask(auth=MACHINE, data={"grant_type": "authorization_code", "code": "x"}) == (400, "unauthorized_client")
    assert await ask(auth=(CLIENT, SECRET), data=GRANT) == (400, "unauthorized_client")
    assert await ask(auth=MACHINE, content=b"grant_type=client_credentials&scope=a&scope=b", headers=form) == (400, "invalid_request")
    assert await ask(auth=MACHINE, content=b"grant_type=%ff", headers=form) == (400, "invalid_request")
    assert await ask(auth=MACHINE, content=b"\xff\xfe", headers=form) == (400, "invalid_request")
    assert (await identity.http.post("/token", auth=MACHINE, content=b"a=1&" * 40_000, headers=form)).status_code == 413


async def test_a_client_that_does_not_prove_itself_is_refused_with_a_challenge(identity):
    async def refused(auth: tuple[str, str] | None = None, header: str | None = None, **body: str) -> None:
        headers = {"Authorization": header} if header else {}
        reply = await identity.http.post("/token", data={**GRANT, "scope": READ, **body}, auth=auth, headers=headers)
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client"), reply.text
        assert reply.headers["www-authenticate"].startswith("Basic ")

    await refused(("machine", "wrong"))
    await refused(("machine", ""))
    await refused(("unknown", MACHINE_SECRET))
    await refused(client_id="machine")  # a client with a secret cannot act as a public one
    await refused(client_id="machine", client_secret="wrong")
    await refused()
    await refused(header="Bearer x")
    await refused(header="Basic ***")
    await refused(header="Basic " + base64.b64encode(b"no colon").decode())
    await refused(header="Basic " + base64.b64encode(b"\xff:\xff").decode())
    await refused(MACHINE, client_id="another")


async def test_two_proofs_in_one_request_are_refused(identity):
    reply = await identity.http.post("/token", data={**GRANT, "scope": READ, "client_secret": MACHINE_SECRET}, auth=MACHINE)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


async def test_the_secret_may_be_posted_in_the_body(identity):
    body = {**GRANT, "scope": READ, "client_id": "machine", "client_secret": MACHINE_SECRET}
    assert (await identity.http.post("/token", data=body)).status_code == 200


async def test_a_strict_client_does_not_use_the_authorization_header(identity):
    body = {"grant_type": "authorization_code", "code": "x"}
    reply = await identity.http.post("/token", data=body, auth=("hackney-other", "o" * 40))
    assert reply.json()["error"] == "invalid_client"
    reply = await identity.http.post("/token", data={**body, "client_id": "hackney-other", "client_secret": "o" * 40})
    assert reply.json()["error"] == "invalid_grant"


def assertion(issuer: str, key: ECKey = ASSERTION_KEY, **over: Any) -> str:
    now = int(clock.now().timestamp())
    claims = {"iss": "signing-machine", "sub": "signing-machine", "aud": issuer, "exp": now + 60, "iat": now, "jti": str(uuid4()), **over}
    return jwt.encode({"alg": "ES256", "kid": "one"}, {name: value for name, value in claims.items() if value is not None}, key)


def proof(text: str) -> dict[str, str]:
    return {**GRANT, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": text}


async def test_a_client_proves_itself_by_its_private_key_once_per_assertion(identity):
    signed = assertion(identity.url)
    assert (await identity.http.post("/token", data=proof(signed))).status_code == 200
    replayed = await identity.http.post("/token", data=proof(signed))
    assert (replayed.status_code, replayed.json()["error"]) == (401, "invalid_client")


async def test_wrong_assertions_are_refused(identity):
    now = int(clock.now().timestamp())
    stranger = ECKey.generate_key("P-256", {"kid": "one"})
    _, payload, signature = assertion(identity.url).split(".")
    no_algorithm = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    critical = base64.urlsafe_b64encode(b'{"alg":"ES256","kid":"one","crit":["x"],"x":1}').decode().rstrip("=")
    wrong: dict[str, Callable[[], str]] = {
        "another key": lambda: assertion(identity.url, stranger),
        "alg none": lambda: f"{no_algorithm}.{payload}.",
        "unknown crit": lambda: f"{critical}.{payload}.{signature}",
        "another audience": lambda: assertion("https://elsewhere.test"),
        "token URL as audience of a strict client": lambda: assertion(f"{identity.url}/token"),
        "audience in a list of a strict client": lambda: assertion(identity.url, aud=[identity.url]),
        "expired": lambda: assertion(identity.url, exp=now - 1),
        "valid for too long": lambda: assertion(identity.url, exp=now + 86_400),
        "no expiry": lambda: assertion(identity.url, exp=None),
        "no jti": lambda: assertion(identity.url, jti=None),
        "another issuer": lambda: assertion(identity.url, iss="machine"),
        "another subject": lambda: assertion(identity.url, sub="machine"),
        "subject is no text": lambda: assertion(identity.url, sub=["signing-machine"]),
        "not a JWT": lambda: "a.b",
        "too long": lambda: "a" * 9000,
    }
    for name, make in wrong.items():
        reply: httpx.Response = await identity.http.post("/token", data=proof(make()))
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client"), name
