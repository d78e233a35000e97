"""The authorization code flow, with a stock client and with an attacker."""

import asyncio
import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

from shared import clock
from tests.identity.citizen import CLIENT, REDIRECT, SECRET, Citizen, Pkce, answer, request
from tests.identity.mailbox import Mailbox
from tests.support.service_runner import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def identity(shared_identity: RunningService) -> RunningService:
    return shared_identity


@pytest.fixture
def mailbox(shared_mailbox: Mailbox) -> Mailbox:
    return shared_mailbox


async def claims_of(http: httpx.AsyncClient, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    keys = KeySet.import_key_set((await http.get("/.well-known/jwks.json")).json())
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    return decoded.header, decoded.claims


async def test_a_stock_client_library_completes_the_flow(identity, citizen):
    metadata = (await identity.http.get("/.well-known/openid-configuration")).json()
    async with AsyncOAuth2Client(
        CLIENT,
        SECRET,
        scope="openid email profile",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic",
    ) as client:
        verifier = Pkce().verifier
        url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce="n-1")
        await citizen.browser.open(url)
        await citizen.browser.submit(email=citizen.address)
        back = await citizen.browser.submit(code=await citizen.mailbox.code_for(citizen.address))
        token = await client.fetch_token(
            metadata["token_endpoint"], authorization_response=back.headers["location"], state=state, code_verifier=verifier
        )
        userinfo = (await client.get(metadata["userinfo_endpoint"])).json()
    header, claims = await claims_of(identity.http, token["id_token"])
    assert header["alg"] == "ES256"
    assert {name: claims[name] for name in ("iss", "aud", "nonce", "amr")} == {
        "iss": metadata["issuer"],
        "aud": CLIENT,
        "nonce": "n-1",
        "amr": ["otp"],
    }
    half = hashlib.sha256(token["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")
    assert {"sub", "exp", "iat", "auth_time", "sid"} <= claims.keys()
    assert "email" not in claims
    assert userinfo == {"sub": claims["sub"], "email": citizen.address, "email_verified": True}


async def test_the_answer_names_the_issuer_and_keeps_the_state(identity, citizen):
    back = await citizen.signs_in(**request(state="so/me st&te="))
    assert back["iss"] == identity.url
    assert back["state"] == "so/me st&te="


async def test_the_access_token_is_an_rfc_9068_token_for_userinfo(identity, citizen):
    pkce = Pkce()
    back = await citizen.signs_in(**request(pkce))
    reply = await citizen.exchange(back["code"], pkce)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    header, claims = await claims_of(identity.http, reply.json()["access_token"])
    assert header["typ"] == "at+jwt"
    assert claims["aud"] == "urn:london-blocks:identity"
    assert claims["borough"] == "E09000012"
    assert claims["scope"] == "openid email profile"
    assert claims["exp"] - claims["iat"] <= 600


async def test_a_scope_of_a_block_makes_the_token_one_for_that_block_and_the_person_same_in_the_sector(identity, citizen):
    pkce = Pkce()
    back = await citizen.signs_in(**request(pkce, scope="openid email data_sharing:record:read"))
    tokens = (await citizen.exchange(back["code"], pkce)).json()
    _, access = await claims_of(identity.http, tokens["access_token"])
    _, identified = await claims_of(identity.http, tokens["id_token"])
    assert access["aud"] == "urn:london-blocks:data_sharing"
    assert access["sub"] == identified["sub"]
    assert identified["email"] == citizen.address  # the token does not open userinfo, so the ID token carries the claims
    refused = await identity.http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert refused.status_code == 401


async def test_scopes_of_two_blocks_are_refused_unless_a_resource_chooses(identity, citizen):
    scope = "openid data_sharing:record:read addresses:address:read"
    refused = await citizen.browser.open("/authorize", **request(scope=scope))
    assert answer(refused)["error"] == "invalid_scope"
    back = await citizen.signs_in(**request(scope=scope, resource="urn:london-blocks:addresses"))
    tokens = (await citizen.exchange(back["code"], None)).json()
    assert tokens["scope"] == "openid addresses:address:read"


async def test_a_person_is_someone_else_in_every_sector(identity, citizen):
    subjects: list[str] = []
    for client_id, secret in ((CLIENT, SECRET), ("hackney-other", "o" * 40), ("camden-app", "c" * 40)):
        pkce = Pkce()
        asked = request(pkce, client_id=client_id, scope="openid")
        back = answer(await citizen.browser.open("/authorize", **asked)) if subjects else await citizen.signs_in(**asked)
        body = {"client_id": client_id, "client_secret": secret}
        reply = await identity.http.post(
            "/token",
            data={
                "grant_type": "authorization_code",
                "code": back["code"],
                "redirect_uri": REDIRECT,
                "code_verifier": pkce.verifier,
                **body,
            },
        )
        subjects.append((await claims_of(identity.http, reply.json()["id_token"]))[1]["sub"])
    assert subjects[0] == subjects[1]
    assert subjects[0] != subjects[2]
    assert subjects[0].startswith("urn:fdc:127.0.0.1:2026:")


async def test_staff_get_their_roles_and_seeded_people_their_name(identity, mailbox):
    pkce = Pkce()
    officer = Citizen(identity.url, mailbox, "officer@hackney.example")
    back = await officer.signs_in(**request(pkce, scope="openid profile staff"))
    token = (await officer.exchange(back["code"], pkce)).json()["access_token"]
    claims = (await identity.http.get("/userinfo", headers={"Authorization": f"Bearer {token}"})).json()
    assert (claims["name"], claims["borough"], claims["roles"]) == ("An Officer", "E09000012", ["case_worker"])


async def test_userinfo_takes_the_token_in_a_post_header_or_body_but_not_in_both(identity, citizen):
    back = await citizen.signs_in(**request())
    token = (await citizen.exchange(back["code"], None)).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await identity.http.post("/userinfo", headers=bearer)).status_code == 200
    assert (await identity.http.post("/userinfo", data={"access_token": token})).status_code == 200
    assert (await identity.http.post("/userinfo", data={"access_token": token}, headers=bearer)).status_code == 400
    nothing = await identity.http.get("/userinfo")
    assert nothing.status_code == 401
    assert nothing.headers["www-authenticate"] == 'Bearer realm="identity"'


async def test_an_id_token_or_an_expired_token_does_not_open_userinfo(identity, citizen):
    back = await citizen.signs_in(**request())
    tokens = (await citizen.exchange(back["code"], None)).json()
    refused = await identity.http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['id_token']}"})
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    later = clock.now() + timedelta(minutes=11)
    with clock.at(later):
        assert (await identity.http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})).status_code == 401


FORGED_HEADERS = [{"alg": "none", "typ": "at+jwt"}, {"alg": "HS256", "typ": "at+jwt"}, {"jwk": {}, "alg": "ES256"}]


async def test_forged_tokens_do_not_open_userinfo(identity, citizen):
    back = await citizen.signs_in(**request())
    good = (await citizen.exchange(back["code"], None)).json()["access_token"]
    for header in FORGED_HEADERS:
        forged_header = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        for signature in ("", good.split(".")[2]):
            forged = f"{forged_header}.{good.split('.')[1]}.{signature}"
            assert (await identity.http.get("/userinfo", headers={"Authorization": f"Bearer {forged}"})).status_code == 401


async def test_a_code_used_again_is_refused_and_ends_what_it_gave(identity, citizen):
    pkce = Pkce()
    back = await citizen.signs_in(**request(pkce))
    token = (await citizen.exchange(back["code"], pkce)).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await identity.http.get("/userinfo", headers=bearer)).status_code == 200
    again = await citizen.exchange(back["code"], pkce)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await identity.http.get("/userinfo", headers=bearer)).status_code == 401


async def test_of_many_redemptions_at_once_exactly_one_wins(identity, citizen):
    pkce = Pkce()
    back = await citizen.signs_in(**request(pkce))
    replies = await asyncio.gather(*[citizen.exchange(back["code"], pkce) for _ in range(8)])
    assert sorted(reply.status_code for reply in replies) == [200] + [400] * 7


async def test_another_clients_code_is_refused_and_stays_good_for_its_own(identity, citizen):
    pkce = Pkce()
    back = await citizen.signs_in(**request(pkce))
    stolen = await citizen.exchange(back["code"], pkce, client_id="camden-app", client_secret="c" * 40)
    assert stolen.json()["error"] == "invalid_grant"
    assert (await citizen.exchange(back["code"], pkce)).status_code == 200


async def test_a_code_dies_after_a_minute(identity, citizen):
    back = await citizen.signs_in(**request())
    with clock.at(clock.now() + timedelta(seconds=61)):
        assert (await citizen.exchange(back["code"], None)).json()["error"] == "invalid_grant"


async def test_pkce_must_match(identity, citizen):
    await citizen.signs_in(**request())
    for verifier in ("wrong" * 10, "", "short"):
        back = answer(await citizen.browser.open("/authorize", **request(Pkce())))
        refused = await citizen.exchange(back["code"], None, code_verifier=verifier)
        assert refused.json()["error"] == "invalid_grant"


async def test_a_verifier_without_a_challenge_is_a_downgrade_and_refused(identity, citizen):
    back = await citizen.signs_in(**request())
    assert (await citizen.exchange(back["code"], Pkce())).json()["error"] == "invalid_grant"


async def test_a_redirect_uri_other_than_the_requests_is_refused_at_the_token_endpoint(identity, citizen):
    back = await citizen.signs_in(**request())
    assert (await citizen.exchange(back["code"], None, redirect_uri=REDIRECT + "/")).json()["error"] == "invalid_grant"


async def test_a_public_client_needs_pkce_and_no_secret(identity, citizen):
    refused = await citizen.browser.open("/authorize", **request(client_id="phone-app", scope="openid"))
    assert answer(refused)["error"] == "invalid_request"
    pkce = Pkce()
    back = await citizen.signs_in(**request(pkce, client_id="phone-app", scope="openid email"))
    data = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT, "code_verifier": pkce.verifier}
    assert (await identity.http.post("/token", data=data | {"client_id": "phone-app"})).status_code == 200


async def test_a_strict_client_needs_pkce(identity, citizen):
    refused = await citizen.browser.open("/authorize", **request(client_id="hackney-other", scope="openid"))
    assert answer(refused)["error"] == "invalid_request"


WRONG_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": None}, "invalid_request"),
    ({"scope": "email"}, "invalid_scope"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": "openid notifications:message:send"}, "invalid_scope"),
    ({"scope": "openid  email"}, "invalid_scope"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"request": "e30."}, "request_not_supported"),
    ({"request_uri": "https://evil.test/"}, "request_uri_not_supported"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "none"}, "login_required"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"code_challenge": "x" * 43}, "invalid_request"),
    ({"code_challenge": "x" * 43, "code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge": "x" * 42, "code_challenge_method": "S256"}, "invalid_request"),
    ({"code_challenge_method": "S256"}, "invalid_request"),
    ({"resource": "urn:london-blocks:nothing"}, "invalid_target"),
    ({"nonce": "n" * 513}, "invalid_request"),
]


async def test_a_wrong_request_goes_back_to_the_client_with_state_and_issuer(identity):
    for change, error in WRONG_REQUESTS:
        response = await identity.http.get("/authorize", params=request(**change))
        back = answer(response)
        assert (back["error"], back["state"], back["iss"]) == (error, "a state", identity.url), change
        assert "code" not in back


REDIRECT_TRICKS = [
    "https://evil.test/callback",
    "https://move-home.test@evil.test/callback",
    "https://move-home.test:443@evil.test/callback",
    REDIRECT + "/",
    REDIRECT + "?next=https://evil.test",
    REDIRECT + "#x",
    REDIRECT.replace("callback", "%63allback"),
    REDIRECT.replace("callback", "x/../callback"),
    REDIRECT.upper(),
    "//move-home.test/callback",
    "javascript:alert(1)",
    "",
]


async def test_an_unregistered_redirect_uri_gets_a_page_and_never_a_redirect(identity):
    for redirect in REDIRECT_TRICKS:
        response = await identity.http.get("/authorize", params=request(redirect_uri=redirect))
        assert response.status_code == 400
        assert "location" not in response.headers
        assert "You cannot sign in from there" in response.text
        assert "evil" not in response.text


UNKNOWN_CLIENTS = ["unknown", "", "machine", "move-home\0", "$ne"]


async def test_an_unknown_client_gets_a_page(identity):
    for client_id in UNKNOWN_CLIENTS:
        response = await identity.http.get("/authorize", params=request(client_id=client_id))
        assert response.status_code == 400
        assert "location" not in response.headers


async def test_a_repeated_parameter_is_refused(identity):
    for name in ("state", "scope", "nonce", "code_challenge", "something_unknown"):
        pairs = [*request().items(), (name, "one"), (name, "two")]
        back = answer(await identity.http.get("/authorize", params=pairs))
        assert back["error"] == "invalid_request"
        assert back.get("state") == (None if name == "state" else "a state")


async def test_a_repeated_client_or_redirect_uri_gets_a_page(identity):
    for name in ("client_id", "redirect_uri"):
        response = await identity.http.get("/authorize", params=[*request().items(), (name, request()[name])])
        assert response.status_code == 400
        assert "location" not in response.headers


UNREADABLE = ["%ff=%fe", "&".join("a=1" for _ in range(200)), "client_id=%ed%a0%80"]


async def test_a_query_that_cannot_be_read_gets_a_page(identity):
    for query in UNREADABLE:
        assert (await identity.http.get(f"/authorize?{query}")).status_code == 400


async def test_a_session_serves_the_next_client_without_asking(identity, citizen):
    await citizen.signs_in(**request())
    for prompt in (None, "none"):
        assert "code" in answer(await citizen.browser.open("/authorize", **request(prompt=prompt)))


async def test_a_request_by_post_finds_the_session_too(identity, citizen):
    await citizen.signs_in(**request())
    response = await citizen.browser.http.post("/authorize", data=request())
    assert response.status_code == 303
    assert "code" in answer(await citizen.browser.http.get(response.headers["location"]))


async def test_prompt_login_and_max_age_ask_again_and_renew_auth_time(identity, citizen):
    pkce = Pkce()
    back = await citizen.signs_in(**request(pkce))
    first = (await claims_of(identity.http, (await citizen.exchange(back["code"], pkce)).json()["id_token"]))[1]
    with clock.at(clock.now() + timedelta(minutes=5)):
        assert answer(await citizen.browser.open("/authorize", **request(prompt="none", max_age="60")))["error"] == "login_required"
        assert "code" in answer(await citizen.browser.open("/authorize", **request(prompt="none", max_age="3600")))
        back = await citizen.signs_in(**request(pkce, prompt="login"))
        again = (await claims_of(identity.http, (await citizen.exchange(back["code"], pkce)).json()["id_token"]))[1]
    assert again["auth_time"] >= first["auth_time"] + 290
    assert again["sub"] == first["sub"]
    assert again["sid"] != first["sid"]


async def test_a_hint_of_someone_else_does_not_give_this_persons_session(identity, citizen, mailbox):
    back = await citizen.signs_in(**request())
    hint = (await citizen.exchange(back["code"], None)).json()["id_token"]
    grace = Citizen(identity.url, mailbox, "grace@example.com")
    await grace.signs_in(**request())
    assert answer(await grace.browser.open("/authorize", **request(prompt="none", id_token_hint=hint)))["error"] == "login_required"
    assert "code" in answer(await citizen.browser.open("/authorize", **request(prompt="none", id_token_hint=hint)))
