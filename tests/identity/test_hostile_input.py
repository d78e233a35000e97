"""Hostile tokens and seals, and rate limits of the token endpoint."""

import base64
import json

import pytest

from services.identity.provider import Provider
from services.identity.service import build
from shared import clock
from tests.identity.conftest import MACHINE_SECRET
from tests.identity.test_machine_tokens import GRANT, assertion
from tests.support.service_runner import run_service

pytestmark = pytest.mark.asyncio(loop_scope="module")
DEEP = b"[" * 3_000
OBJECT_AS_KEY = b'{"alg":"ES256","kid":{}}'
HALF = b'{"sub":"\\ud800"}'


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def hostile_tokens(signed: str) -> dict[str, str]:
    """Return tokens with hostile parts."""
    header, payload, signature = signed.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    long_number = encoded(json.dumps({**claims, "exp": 0, "iat": 0}).replace(": 0", ": " + "9" * 400).encode())
    return {
        "a deep header": f"{encoded(DEEP)}.{payload}.{signature}",
        "a deep payload": f"{header}.{encoded(DEEP)}.{signature}",
        "both": f"{encoded(DEEP)}.{encoded(DEEP)}.{signature}",
        "a header that is a list": f"{encoded(b'[]')}.{payload}.{signature}",
        "a key id that is an object": f"{encoded(OBJECT_AS_KEY)}.{payload}.{signature}",
        "half a character": f"{header}.{encoded(HALF)}.{signature}",
        "a time of 400 digits": f"{header}.{long_number}.{signature}",
    }


async def test_hostile_assertions_are_refused(identity):
    for name, text in hostile_tokens(assertion(identity.url)).items():
        form = {**GRANT, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": text}
        answer = await identity.http.post("/token", data=form)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), name
    for name, expires in {"400 digits": int("9" * 400), "infinite": float("inf")}.items():
        form = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
        answer = await identity.http.post("/token", data={**GRANT, **form, "client_assertion": assertion(identity.url, exp=expires)})
        assert answer.status_code == 401, name


async def test_hostile_access_tokens_and_hints_are_refused(identity):
    for name, text in hostile_tokens(assertion(identity.url)).items():
        answer = await identity.http.get("/userinfo", headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 401, name
        assert (await identity.http.get("/logout", params={"id_token_hint": text})).status_code == 400, name


async def test_a_seal_of_one_purpose_opens_nothing_else(identity):
    vault = identity.service.app.state.provided[Provider].vault
    for purpose, state in (("sign-out", {"back_to": "https://evil.example/"}), ("sign-out", {"asked": {}}), ("sign-in", {"asked": {}})):
        sealed = vault.seal_state(purpose, state, clock.now())
        if purpose == "sign-out":
            assert (await identity.http.get("/sign-in", params={"request": sealed})).status_code == 400
        with pytest.raises(ValueError):  # noqa: PT011 (a SealError has no text)
            vault.open_state("sign-in" if purpose == "sign-out" else "sign-out", sealed, max_age=60, at=clock.now())


async def test_failures_at_the_token_endpoint_are_limited_by_network_and_successes_by_client(identity_settings):
    async with run_service(build(identity_settings(tokens_per_client=3, token_failures_per_network=4))) as running:
        right, wrong = ("machine", MACHINE_SECRET), ("machine", "x" * 40)
        with clock.at(clock.now()):  # one window
            answers = [await running.http.post("/token", data={**GRANT, "scope": "addresses:address:read"}, auth=right) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["error"] == "temporarily_unavailable"
        assert int(answers[-1].headers["retry-after"]) >= 1
        with clock.at(clock.now()):
            answers = [await running.http.post("/token", data={**GRANT, "scope": "addresses:address:read"}, auth=wrong) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 429, 429]
        assert answers[-1].headers["ratelimit"].startswith('"failures";r=0')
