"""The provider's metadata, keys, seed data and sign-out."""

import asyncio
import base64
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet

from services.identity.service import build
from shared.service import StartError
from tests.identity.citizen import Browser, answer, request
from tests.identity.conftest import MACHINE_SECRET, SEED

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_discovery_says_only_what_is_true(identity):
    metadata = (await identity.http.get("/.well-known/openid-configuration")).json()
    assert metadata["issuer"] == identity.url
    assert metadata == (await identity.http.get("/.well-known/oauth-authorization-server")).json()
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint", "jwks_uri"):
        path = metadata[name].removeprefix(identity.url)
        method = "POST" if name == "token_endpoint" else "GET"
        assert (await identity.http.request(method, path)).status_code not in {404, 405}, name
    assert metadata["request_uri_parameter_supported"] is False  # the default would be true


async def test_the_published_keys_are_public_cacheable_and_named_by_their_thumbprints(identity):
    reply = await identity.http.get("/.well-known/jwks.json")
    assert reply.headers["cache-control"] == "public, max-age=3600"
    [key] = reply.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert key["kid"] == ECKey.import_key({name: key[name] for name in ("kty", "crv", "x", "y")}).thumbprint()


async def test_replicas_that_start_together_sign_with_one_key(identity_settings, serve):
    services = [build(identity_settings()) for _ in range(4)]
    await asyncio.gather(*[service.start() for service in services])
    try:
        assert services[0].store
        rows = await services[0].store.collection("keys").find({})
        assert len(rows) == 1
        assert '"d"' not in str(rows)  # the private half is encrypted
    finally:
        for service in services:
            await service.stop()
    async with serve(build(identity_settings())) as one, serve(build(identity_settings())) as two:
        data = {"grant_type": "client_credentials", "scope": "addresses:address:read"}
        token = (await one.http.post("/token", data=data, auth=("machine", MACHINE_SECRET))).json()["access_token"]
        keys = KeySet.import_key_set((await two.http.get("/.well-known/jwks.json")).json())
        header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
        assert header["kid"] in {key.kid for key in keys.keys}


async def test_loading_the_first_data_again_changes_nothing_and_keeps_accounts(identity_settings, serve, mailbox, identity, citizen):
    citizen.address = "grace@example.com"
    await citizen.signs_in(**request())
    before = await identity.service.store.collection("accounts").find({}, sort=[("_id", 1)])
    async with serve(build(identity_settings())) as again:
        after = await again.service.store.collection("accounts").find({}, sort=[("_id", 1)])
        clients = await again.service.store.collection("clients").find({})
    assert [(row["_id"], row["created_at"]) for row in before] == [(row["_id"], row["created_at"]) for row in after]
    assert len(clients) == len(SEED["clients"])
    assert not [row for row in clients if "secret-" in str(row)]


async def test_a_wrong_client_in_the_first_data_stops_the_start_in_one_line_without_its_secret(identity_settings, seed_file):
    service = build(identity_settings())
    try:
        wrong: list[dict[str, Any]] = [{"client_secret": "secret-that-is-short"}, {"redirect_uris": []}]
        for change in wrong:
            seed_file.write_text(json.dumps({"clients": [{**SEED["clients"][0], **change}]}))
            with pytest.raises(StartError) as stopped:
                await service.start()
            assert "\n" not in str(stopped.value)
            assert "secret-" not in str(stopped.value)
    finally:
        await service.stop()


async def test_signing_out_with_the_id_token_ends_session_and_tokens_and_goes_back(identity, citizen):
    back = await citizen.signs_in(**request())
    tokens = (await citizen.exchange(back["code"], None)).json()
    reply = await citizen.browser.open(
        "/logout", id_token_hint=tokens["id_token"], post_logout_redirect_uri="https://move-home.test/", state="s 1"
    )
    assert reply.headers["location"] == "https://move-home.test/?state=s+1"
    assert answer(await citizen.browser.open("/authorize", **request(prompt="none")))["error"] == "login_required"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await identity.http.get("/userinfo", headers=bearer)).status_code == 401


async def test_an_access_token_does_not_pass_for_an_id_token(identity, citizen):
    back = await citizen.signs_in(**request())
    tokens = (await citizen.exchange(back["code"], None)).json()
    asked = request(prompt="none", id_token_hint=tokens["access_token"])
    assert answer(await citizen.browser.open("/authorize", **asked))["error"] == "login_required"
    assert (await citizen.browser.http.get("/logout", params={"id_token_hint": tokens["access_token"]})).status_code == 400
    assert "code" in answer(await citizen.browser.open("/authorize", **request(prompt="none", id_token_hint=tokens["id_token"])))


async def test_another_site_cannot_sign_a_person_out(identity, citizen):
    await citizen.signs_in(**request())
    page = await citizen.browser.open("/logout", client_id="move-home", post_logout_redirect_uri="https://move-home.test/")
    assert "Do you want to sign out?" in page.text
    forged = await citizen.browser.http.post("/logout/confirmed", data={})
    assert forged.status_code == 403
    assert "code" in answer(await citizen.browser.open("/authorize", **request(prompt="none")))
    citizen.browser.page = page
    reply = await citizen.browser.submit()
    assert reply.headers["location"] == "https://move-home.test/"
    assert answer(await citizen.browser.open("/authorize", **request(prompt="none")))["error"] == "login_required"


async def test_signing_out_never_leads_to_an_unregistered_address(identity, citizen):
    await citizen.signs_in(**request())
    for target in ("https://evil.test/", "https://move-home.test@evil.test/", "https://move-home.test", "//evil.test"):
        for extra in ({"client_id": "move-home"}, {}):
            reply = await citizen.browser.http.get("/logout", params={"post_logout_redirect_uri": target, **extra})
            assert reply.status_code == 400
            assert "location" not in reply.headers
    assert (await citizen.browser.http.get("/logout?id_token_hint=a.b.c")).status_code == 400
    assert "code" in answer(await citizen.browser.open("/authorize", **request(prompt="none")))


async def test_signing_out_without_a_session_says_so(identity):
    page = await Browser(identity.url).open("/logout")
    assert "You have signed out" in page.text
