"""Rotation of signing keys: a new key is published before it signs, and the old one stays while tokens need it."""

import asyncio
import base64
import json
import os
import sys
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from services.identity import signing_keys
from services.identity.rotate_keys import rotate
from services.identity.service import build
from services.identity.signing_keys import PUBLISHED_AFTER, PUBLISHED_LEAD
from shared import auth, clock
from shared.settings import ServiceSettings
from tests.identity.citizen import answer, request
from tests.identity.conftest import MACHINE_SECRET

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Block(ServiceSettings):
    """A block that accepts identity's tokens."""


@pytest.fixture(autouse=True)
def _read_at_once(monkeypatch):
    monkeypatch.setattr(signing_keys, "RELOAD_SECONDS", 0.0)


async def token_of(identity) -> str:
    data = {"grant_type": "client_credentials", "scope": "addresses:address:read"}
    return str((await identity.http.post("/token", data=data, auth=("machine", MACHINE_SECRET))).json()["access_token"])


def kid_of(token: str) -> str:
    return str(json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))["kid"])


async def published(identity) -> list[str]:
    return [key["kid"] for key in (await identity.http.get("/.well-known/jwks.json")).json()["keys"]]


async def test_a_rotation_is_noticed_by_nobody(identity_settings, serve):
    """Two replicas and a block with cached keys: before, while the key waits, when it signs, and after."""
    issuer = "https://identity.test"
    async with serve(build(identity_settings(public_url=issuer))) as one, serve(build(identity_settings(public_url=issuer))) as two:
        jwks = f"{one.url}/.well-known/jwks.json"
        block = auth.TokenValidator(Block(name="addresses", issuer=issuer, jwks_url=jwks))
        tokens = [await token_of(one)]
        old = kid_of(tokens[0])
        await block.caller(tokens[0])  # its keys are cached from here
        start = clock.now()
        made = (await rotate(two.service.settings, "later")).key.kid
        assert await published(one) == await published(two) == [old, made], "published at once, by replicas that were not restarted"
        assert kid_of(await token_of(one)) == kid_of(await token_of(two)) == old
        block._keys._fetched = block._keys._tried = float("-inf")  # an hour later the cache, of five minutes, is read anew
        with clock.at(start + PUBLISHED_LEAD + timedelta(seconds=5)):
            for replica in (one, two):
                tokens.append(await token_of(replica))
                assert kid_of(tokens[-1]) == made
            await block.caller(tokens[-1])
            assert await published(two) == [old, made]
        with clock.at(start + PUBLISHED_LEAD - timedelta(seconds=5)):
            late = await token_of(one)  # by the old key, in its last seconds
            assert kid_of(late) == old
        with clock.at(start + PUBLISHED_LEAD + timedelta(minutes=5)):
            await block.caller(late)
        with clock.at(start + PUBLISHED_LEAD + PUBLISHED_AFTER + timedelta(minutes=1)):
            await one.service.app.state.provided[signing_keys.SigningKeys].rotate_by_schedule()
            assert await published(one) == await published(two) == [made]


async def test_a_signed_in_citizens_id_token_is_good_as_a_hint_after_a_rotation(identity, citizen):
    back = await citizen.signs_in(**request())
    hint = (await citizen.exchange(back["code"], None)).json()["id_token"]
    start = clock.now()
    await rotate(identity.service.settings, "now")
    with clock.at(start + timedelta(seconds=40)):
        assert kid_of(await token_of(identity)) != kid_of(hint)
        assert "code" in answer(await citizen.browser.open("/authorize", **request(prompt="none", id_token_hint=hint)))


async def test_a_key_that_nobody_has_cached_is_fetched_by_who_meets_it(identity):
    block = auth.TokenValidator(Block(name="addresses", issuer=identity.url, jwks_url=f"{identity.url}/.well-known/jwks.json"))
    await block.caller(await token_of(identity))
    block._keys._tried = float("-inf")  # five seconds later
    start = clock.now()
    made = await rotate(identity.service.settings, "now")
    with clock.at(start + timedelta(seconds=31)):
        token = await token_of(identity)
        assert kid_of(token) == made.key.kid
        assert (await block.caller(token)).client_id == "machine"


async def test_a_leaked_key_and_what_it_signed_are_refused_at_once(identity):
    block = auth.TokenValidator(Block(name="addresses", issuer=identity.url, jwks_url=f"{identity.url}/.well-known/jwks.json"))
    leaked = await token_of(identity)
    made = await rotate(identity.service.settings, "leaked")
    assert await published(identity) == [made.key.kid]
    token = await token_of(identity)
    assert kid_of(token) == made.key.kid
    assert (await block.caller(token)).client_id == "machine"
    with pytest.raises(auth.InvalidToken):
        await block.caller(leaked)


async def test_the_schedule_makes_one_key_for_all_replicas(identity_settings, serve):
    days = {"rotate_signing_key_after_days": 30}
    async with serve(build(identity_settings(**days))) as one, serve(build(identity_settings(**days))) as two:
        keys = [replica.service.app.state.provided[signing_keys.SigningKeys] for replica in (one, two)]
        await asyncio.gather(*(each.rotate_by_schedule() for each in keys))
        assert len(await published(one)) == 1
        with clock.at(clock.now() + timedelta(days=30, seconds=1)):
            await asyncio.gather(*(each.rotate_by_schedule() for each in keys))
            assert len(await published(one)) == 2
            await asyncio.gather(*(each.rotate_by_schedule() for each in keys))
            assert len(await published(two)) == 2


def environment(settings: Any) -> dict[str, str]:
    """Return the environment of another process of identity."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else str(value) for name, value in values.items()}
    return {**os.environ, **{f"IDENTITY_{name.upper()}": value for name, value in plain.items() if value}}


async def run(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.identity.rotate_keys", *arguments,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, errors = await asyncio.wait_for(child.communicate(), 60)
    return child.returncode or 0, said.decode(), errors.decode()


async def test_the_command_rotates_a_running_identity(identity):
    env = environment(identity.service.settings)
    code, said, errors = await run(env, "--now")
    assert (code, errors) == (0, "")
    assert json.loads(said)["kid"] == (await published(identity))[-1]
    assert json.loads(said)["generation"] == 2
    code, said, errors = await run({**env, "IDENTITY_ENCRYPTION_KEY": "B" * 43 + "="})
    assert (code, said, len(errors.splitlines())) == (2, "", 1)
