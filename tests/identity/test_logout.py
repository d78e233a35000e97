"""Signing out everywhere: no URL holds the ID token, apps get logout tokens, and tokens end with the session."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.identity.service import build
from shared import auth, clock
from shared.settings import ServiceSettings
from tests.identity.citizen import CLIENT, Citizen, answer, request
from tests.identity.conftest import SEED
from tests.support.service_runner import TRUST, eventually, free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")


class App:
    """A relying party's back-channel logout endpoint; `statuses` are its first answers."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/logged-out"
        self.tokens: list[str] = []
        self.statuses: list[int] = []

    async def take(self, request: Request) -> Response:
        form = await request.form()
        self.tokens.append(str(form["logout_token"]))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)


@pytest_asyncio.fixture(loop_scope="module")
async def app() -> AsyncIterator[App]:
    app = App()
    web = Starlette(routes=[Route("/logged-out", app.take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(web, host="127.0.0.1", port=app.port, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield app
    server.should_exit = True
    await task


@pytest_asyncio.fixture(loop_scope="module")
async def identity(identity_settings, seed_file, serve, app):
    clients = [{**client, "backchannel_logout_uri": app.url} if client["client_id"] == CLIENT else client for client in SEED["clients"]]
    seed_file.write_text(json.dumps({**SEED, "clients": clients}))
    async with serve(build(identity_settings())) as running:
        yield running


async def tokens_of(citizen: Citizen, **over: str) -> dict[str, Any]:
    back = await citizen.signs_in(**request(None, **over))
    tokens: dict[str, Any] = (await citizen.exchange(back["code"], None)).json()
    return tokens


async def claims_of(identity, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set((await identity.http.get("/.well-known/jwks.json")).json())
    return dict(jwt.decode(token, keys).claims)


async def test_sign_out_by_post_ends_the_session_and_the_id_token_stands_in_no_address(identity, citizen):
    tokens = await tokens_of(citizen)
    form = {"id_token_hint": tokens["id_token"], "client_id": CLIENT, "post_logout_redirect_uri": "https://move-home.test/", "state": "x"}
    # a browser sends it from another site without the Lax cookie, which comes with the following GET
    async with httpx.AsyncClient(base_url=identity.url, verify=TRUST) as elsewhere:
        step = await elsewhere.post("/logout", data=form)
    assert step.status_code == 303
    assert tokens["id_token"] not in step.headers["location"]
    assert tokens["id_token"].split(".")[1] not in step.headers["location"]
    reply = await citizen.browser.open(step.headers["location"])
    assert reply.headers["location"] == "https://move-home.test/?state=x"
    assert answer(await citizen.browser.open("/authorize", **request(prompt="none")))["error"] == "login_required"
    again = await citizen.browser.http.get(step.headers["location"] + "A")
    assert again.status_code == 400


async def test_a_sealed_sign_in_does_not_pass_for_a_sealed_logout(identity, citizen):
    await citizen.browser.open("/authorize", **request())
    sealed = str(citizen.browser.page.url).partition("request=")[2]
    assert (await identity.http.get(f"/logout/continue?state={sealed}")).status_code == 400


async def test_an_app_is_told_of_a_logout_with_a_logout_token_of_its_own(identity, citizen, app):
    tokens = await tokens_of(citizen)
    id_token = await claims_of(identity, tokens["id_token"])
    await citizen.browser.open("/logout")
    await citizen.browser.submit()  # the person's own page at identity, not the app's
    await eventually(lambda: len(app.tokens) == 1)
    claims = await claims_of(identity, app.tokens[0])
    assert claims["sid"] == id_token["sid"]
    assert (claims["iss"], claims["sub"], claims["aud"]) == (identity.url, id_token["sub"], CLIENT)
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in claims
    assert claims["exp"] - claims["iat"] == 120
    # it is no ID token and no access token
    assert (await identity.http.get("/logout", params={"id_token_hint": app.tokens[0]})).status_code == 400
    metadata = (await identity.http.get("/.well-known/openid-configuration")).json()
    assert metadata["backchannel_logout_supported"] is metadata["backchannel_logout_session_supported"] is True


async def test_an_app_that_is_down_gets_its_logout_token_later(identity, citizen, app):
    await tokens_of(citizen)
    app.statuses = [503]
    await citizen.browser.open("/logout")
    await citizen.browser.submit()
    await eventually(lambda: len(app.tokens) == 2)

    async def is_empty() -> bool:
        return bool(await identity.service.store.collection("logouts").count({}) == 0)

    await eventually(is_empty)


async def test_signing_in_again_keeps_other_apps_and_a_later_logout_tells_all_of_them(identity, citizen, app):
    first = await claims_of(identity, (await tokens_of(citizen))["id_token"])
    second = await claims_of(identity, (await tokens_of(citizen, prompt="login"))["id_token"])
    assert first["sid"] != second["sid"]
    assert not app.tokens
    await citizen.browser.open("/logout")
    await citizen.browser.submit()
    await eventually(lambda: len(app.tokens) == 2)
    assert {(await claims_of(identity, token))["sid"] for token in app.tokens} == {first["sid"], second["sid"]}


async def test_another_persons_sign_in_in_the_same_browser_ends_the_first_ones_session(identity, citizen, app):
    tokens = await tokens_of(citizen)
    citizen.address = "grace@example.com"
    await citizen.signs_in(**request(prompt="login"))
    await eventually(lambda: len(app.tokens) == 1)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await identity.http.get("/userinfo", headers=bearer)).status_code == 401


class Block(ServiceSettings):
    """A block that accepts identity's tokens."""


async def test_a_blocks_token_ends_with_the_session(identity, citizen, monkeypatch):
    monkeypatch.setattr(auth, "ENDED_LIFE_SECONDS", 0.0)
    jwks = f"{identity.url}/.well-known/jwks.json"
    validator = auth.TokenValidator(Block(name="data_sharing", issuer=identity.url, jwks_url=jwks))
    tokens = await tokens_of(citizen, scope="openid data_sharing:record:read")
    assert tokens["expires_in"] == 180
    assert (await validator.caller(tokens["access_token"])).scopes >= {"data_sharing:record:read"}
    reply = await citizen.browser.http.get("/logout?" + urlencode({"id_token_hint": tokens["id_token"]}))
    assert reply.status_code == 303
    with pytest.raises(auth.InvalidToken, match="ended"):
        await validator.caller(tokens["access_token"])


async def test_a_code_used_twice_ends_the_blocks_token_that_it_gave(identity, citizen, monkeypatch):
    monkeypatch.setattr(auth, "ENDED_LIFE_SECONDS", 0.0)
    jwks = f"{identity.url}/.well-known/jwks.json"
    validator = auth.TokenValidator(Block(name="data_sharing", issuer=identity.url, jwks_url=jwks))
    back = await citizen.signs_in(**request(scope="openid data_sharing:record:read"))
    token = (await citizen.exchange(back["code"], None)).json()["access_token"]
    await validator.caller(token)
    assert (await citizen.exchange(back["code"], None)).status_code == 400
    with pytest.raises(auth.InvalidToken, match="ended"):
        await validator.caller(token)


async def test_a_block_works_on_while_identity_is_down_and_the_list_forgets(identity, citizen):
    tokens = await tokens_of(citizen)
    sid = (await claims_of(identity, tokens["id_token"]))["sid"]
    await citizen.browser.http.get("/logout?" + urlencode({"id_token_hint": tokens["id_token"]}))
    listed = (await identity.http.get("/.well-known/ended-sessions.json")).json()["ended"]
    assert sid in listed
    with clock.at(clock.now() + timedelta(minutes=16)):
        assert (await identity.http.get("/.well-known/ended-sessions.json")).json() == {"ended": []}
    nobody = auth.EndedSessions(f"http://127.0.0.1:{free_port()}/.well-known/jwks.json")
    assert await nobody.hold({sid}) is False
