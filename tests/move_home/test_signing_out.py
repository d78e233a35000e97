"""Signing out with the real identity: at the app, at identity, and by inactivity."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from pydantic import SecretStr

from examples.move_home.service import build as build_app
from examples.move_home.settings import SESSION
from services.identity.service import build as build_identity
from services.identity.settings import Settings as IdentitySettings
from shared import clock
from tests.conftest import DRIVER
from tests.identity.citizen import Browser as IdentityBrowser
from tests.identity.conftest import mailbox_running
from tests.identity.mailbox import KEY, TEMPLATE, Mailbox
from tests.support.service_runner import TRUST, RunningService, eventually, free_port

WEB_SECRET = "a secret of the app, which is long enough"


@dataclass
class Pair:
    """The app, identity, and a browser for both."""

    app: RunningService
    identity: RunningService
    mailbox: Mailbox

    def browser(self) -> "Browser":
        return Browser(httpx.AsyncClient(timeout=20, verify=TRUST), self)


class Browser(IdentityBrowser):
    """A browser that follows redirects to the app and identity, and records every address."""

    def __init__(self, http: httpx.AsyncClient, pair: Pair) -> None:
        self.http, self.pair = http, pair
        self.url = ""
        self.visited: list[str] = []
        self._page = None

    async def open(self, path: str, **_: str) -> httpx.Response:
        return await self._follow(await self.http.get(path))

    async def submit(self, **fields: str) -> httpx.Response:
        html = self.page.text
        [action] = re.findall(r'<form [^>]*method="post" action="([^"]*)"', html)[:1] or [""]
        hidden = {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html)}
        target = urljoin(str(self.page.url), unescape(action))
        self.visited.append(target)
        return await self._follow(await self.http.post(target, data=hidden | fields))

    async def _follow(self, response: httpx.Response) -> httpx.Response:
        self.visited.append(str(response.url))
        while response.is_redirect:
            response = await self.http.get(urljoin(str(response.url), response.headers["location"]))
            self.visited.append(str(response.url))
        self._page = response
        return response

    async def signs_in(self, address: str = "ada@example.com") -> None:
        await self.open(f"{self.pair.app.url}/sign-in")
        earlier = len([body for body in self.pair.mailbox.sent.values() if body["email_address"] == address])
        await self.submit(email=address)
        page = await self.submit(code=await self.pair.mailbox.code_for(address, earlier=earlier))
        assert str(page.url).startswith(f"{self.pair.app.url}/move"), page.url

    async def is_signed_in(self) -> bool:
        reply = await self.http.get(f"{self.pair.app.url}/moves")
        return reply.status_code == 200


@pytest.fixture
async def pair(settings, app_settings, serve, tmp_path) -> AsyncIterator[Pair]:
    async with running_pair(settings, app_settings, serve, tmp_path) as made:
        yield made


@asynccontextmanager
async def running_pair(settings: Any, app_settings: Any, serve: Any, tmp_path: Any) -> AsyncIterator[Pair]:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    config = app_settings(issuer=issuer, jwks_url=f"{issuer}/.well-known/jwks.json", client_secret=SecretStr(WEB_SECRET))
    client = {
        "client_id": "move-home",
        "client_secret": WEB_SECRET,
        "name": "Move home",
        "borough": "E09000012",
        "grant_types": ["authorization_code"],
        "scopes": ["openid", "email", "profile", "staff", "data_sharing:record:read"],
        "redirect_uris": [f"{config.public_url}/sign-in/callback"],
        "post_logout_redirect_uris": [f"{config.public_url}/"],
        "backchannel_logout_uri": f"{config.public_url}/back-channel-logout",
    }
    seed = tmp_path / "identity.json"
    seed.write_text(json.dumps({"clients": [client]}))
    async with mailbox_running() as mailbox:
        own = {
            "driver": DRIVER,
            "encryption_key": SecretStr("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
            "hashing_key": SecretStr("hashing key of the tests, long enough"),
            "notifications_url": mailbox.url,
            "notifications_key": SecretStr(KEY),
            "notifications_template_id": TEMPLATE,
        }
        made = settings(IdentitySettings, port=port, seed_file=str(seed), issuer=issuer, **own)
        async with serve(build_identity(made)) as identity, serve(build_app(config)) as app:
            yield Pair(app, identity, mailbox)


async def test_signing_out_here_signs_out_there_and_the_id_token_stands_in_no_address(pair: Pair) -> None:
    browser = pair.browser()
    await browser.signs_in()
    assert await browser.is_signed_in()
    await browser.open(f"{pair.app.url}/move")
    browser.visited.clear()
    token_page = await sign_out_form(browser)
    assert "id_token_hint" in token_page
    assert not await browser.is_signed_in(), "the app's own session has ended already"
    page = await browser.submit()
    assert str(page.url) == f"{pair.app.url}/"
    assert browser.visited
    assert not [url for url in browser.visited if "eyJ" in url or "id_token" in url]
    silent = await browser.http.get(f"{pair.app.url}/sign-in")
    reply = await browser.http.get(silent.headers["location"])
    assert "/sign-in?request=" in reply.headers["location"], "identity asks who it is"


async def test_an_app_is_signed_out_by_a_logout_at_identity_and_others_browsers_are_not(pair: Pair) -> None:
    ada, ben = pair.browser(), pair.browser()
    await ada.signs_in()
    await ben.signs_in("ben@example.com")
    await ada.open(f"{pair.identity.url}/logout")
    await ada.submit()

    async def is_out() -> bool:
        return not await ada.is_signed_in()

    await eventually(is_out)
    assert await ben.is_signed_in()


async def test_a_logout_token_that_is_none_ends_nothing(pair: Pair) -> None:
    ada = pair.browser()
    await ada.signs_in()
    rows = await pair.app.service.store.collection("sessions").find({})
    assert rows[0]["sid"]
    keys = pair.identity.service.app.state.provided
    signing = next(each for kind, each in keys.items() if kind.__name__ == "SigningKeys")
    now = int(clock.now().timestamp())
    good = {
        "iss": pair.identity.url,
        "aud": "move-home",
        "sub": rows[0]["subject"],
        "sid": rows[0]["sid"],
        "iat": now,
        "exp": now + 120,
        "jti": "1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "JWT"),
        ({"iss": "https://evil.test"}, "logout+jwt"),
        ({"aud": "another"}, "logout+jwt"),
        ({"exp": now - 60}, "logout+jwt"),
        ({"iat": now + 600}, "logout+jwt"),
        ({"events": {}}, "logout+jwt"),
        ({"nonce": "x"}, "logout+jwt"),
        ({"sid": None}, "logout+jwt"),
    ]
    url = "/back-channel-logout"
    for change, kind in wrong:
        reply = await pair.app.http.post(url, data={"logout_token": signing.sign(good | change, kind)})
        assert reply.status_code == 400, change
        assert reply.headers["cache-control"] == "no-store"
    for text in ("", "a.b.c", signing.sign(good, "logout+jwt")[:-6] + "AAAAAA"):
        assert (await pair.app.http.post(url, data={"logout_token": text})).status_code == 400
    assert await ada.is_signed_in()
    assert (await pair.app.http.post(url, data={"logout_token": signing.sign(good, "logout+jwt")})).status_code == 200
    assert not await ada.is_signed_in()


async def test_a_session_that_nobody_uses_for_an_hour_ends(app) -> None:
    browser, began = await app.browser(), clock.now()
    for minutes in (50, 100, 150):
        with clock.at(began + timedelta(minutes=minutes)):
            assert (await browser.http.get("/moves")).status_code == 200
    with clock.at(began + timedelta(minutes=211)):
        assert (await browser.http.get("/moves")).status_code == 303
    with clock.at(began + timedelta(minutes=151)):
        assert SESSION in browser.http.cookies


async def test_with_https_the_cookies_are_secure_and_bound_to_the_host(pair: Pair, app_settings, serve) -> None:
    issuer = pair.identity.url
    config = app_settings(name="move_home_tls", public_url="https://move.test", issuer=issuer, jwks_url=f"{issuer}/.well-known/jwks.json")
    async with serve(build_app(config)) as app:
        begun = await app.http.get("/sign-in")
        assert begun.headers["set-cookie"].startswith("__Secure-move_home_sign_in=")
        page = await app.http.get("/")
        cookies = [*begun.headers.get_list("set-cookie"), *page.headers.get_list("set-cookie")]
        assert all("Secure" in cookie and "HttpOnly" in cookie for cookie in cookies)
        secret = await app.service.store.sessions.start("citizen", "s", b"")
        assert await app.service.store.sessions.find(secret)
        plain = await app.http.get("/moves", headers={"Cookie": f"{SESSION}={secret}"})
        assert plain.status_code == 303, "the name without the prefix, which any host of the domain could set, is not looked at"


async def sign_out_form(browser: Browser) -> str:
    """Press the button at the foot of the app's page; return the page that leads to identity."""
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf_token)" value="([^"]*)"', browser.page.text))
    page = await browser.http.post(f"{browser.pair.app.url}/sign-out", data=hidden)
    assert page.status_code == 200
    browser.visited.append(str(page.url))
    browser._page = page
    return page.text
