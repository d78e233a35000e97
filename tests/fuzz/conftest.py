"""Fixtures: a whole platform, with tokens, keys and ids of existing resources."""

import base64
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from shared import clock
from tests.deploy.platform import RunningBlocks, until
from tests.deploy.test_platform import a_move
from tests.support.browser import Browser

HACKNEY = "E09000012"
CITIZEN = "fuzzed@example.com"
AGREEMENT = "council-tax-moves-camden-hackney"
MACHINE_SCOPES = {
    "addresses": " ".join(
        f"addresses:{scope}"
        for scope in ("address:read", *(f"{what}:{verb}" for what in ("provisional", "report") for verb in ("read", "write", "decide")))
    ),
    "data_sharing": " ".join(
        f"data_sharing:{scope}" for scope in ("agreement:read", "agreement:sign", "agreement:write", "inbox:read", "share:create")
    ),
    "notifications": "notifications:message:send notifications:template:write",
    "move_home": "move_home:move:create",
}
WITHOUT_RATE_LIMITS = {"IDENTITY_TOKEN_FAILURES_PER_NETWORK": "0", "NOTIFICATIONS_RATE_BURST": "1000000"}
TOKEN_SECONDS = 240
"""Seconds for which a token is reused; shorter than its life."""


class Credentials:
    """Credentials for each operation of each service; it requests tokens on demand and renews them before they expire."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self._ready = ready
        self._client = next(client for client in ready["identity"]["machine_clients"] if client["borough"] == HACKNEY)
        self._tokens: dict[str, tuple[dict[str, Any], float]] = {}

    def headers(self, service: str, path: str) -> dict[str, str]:
        """Return the headers that authorise the operation."""
        if service == "notifications" and not path.startswith("/v1/"):
            return {"Authorization": f"Bearer {self._signed_as_notify_does()}"}
        if service == "identity":
            return self._for_identity(path)
        if path.startswith("/search/places/"):
            return {"key": self._ready["addresses"]["key"]}
        if service not in MACHINE_SCOPES:
            return {}
        if service == "data_sharing" and path in {"/v1/record", "/v1/record/{id}/proof"}:
            return {"Authorization": f"Bearer {self.citizen('openid data_sharing:record:read')['access_token']}"}
        return {"Authorization": f"Bearer {self.machine(service)}"}

    def machine(self, service: str) -> str:
        """Return a token of the borough's own system."""
        asked = {"grant_type": "client_credentials", "scope": MACHINE_SCOPES[service]}
        granted = self._kept(service, lambda: self._token(asked, (self._client["client_id"], self._client["client_secret"])))
        return str(granted["access_token"])

    def citizen(self, scope: str) -> dict[str, Any]:
        """Sign a citizen in by the mailed code and return the application's token."""
        return self._kept(scope, lambda: self._sign_in(scope))

    def _kept(self, name: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        known = self._tokens.get(name)
        if known is None or time.monotonic() > known[1]:
            known = self._tokens[name] = (ask(), time.monotonic() + TOKEN_SECONDS)
        return known[0]

    def _for_identity(self, path: str) -> dict[str, str]:
        if path == "/userinfo":
            return {"Authorization": f"Bearer {self.citizen('openid email profile')['access_token']}"}
        if path == "/token":
            pair = f"{self._client['client_id']}:{self._client['client_secret']}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        return {}

    def _signed_as_notify_does(self) -> str:
        key = self._ready["notifications"]["keys"]["live"]
        claims = {"iss": key[-73:-37], "iat": int(clock.now().timestamp())}
        return jwt.encode({"typ": "JWT", "alg": "HS256"}, claims, OctKey.import_key(key[-36:]))

    def _token(self, asked: dict[str, str], client: tuple[str, str]) -> dict[str, Any]:
        answer = httpx.post(f"{self._ready['identity']['issuer']}/token", data=asked, auth=client, timeout=20)
        granted: dict[str, Any] = answer.raise_for_status().json()
        return granted

    def _sign_in(self, scope: str) -> dict[str, Any]:
        application = next(client for client in self._ready["identity"]["web_clients"] if client["client_id"] == "demo-web")
        callback = application["redirect_uris"][0]
        browser = Browser(stops_at=callback)
        request = {"client_id": "demo-web", "redirect_uri": callback, "response_type": "code", "scope": scope, "state": "s", "nonce": "n"}
        browser.open(f"{self._ready['identity']['issuer']}/authorize?{urlencode(request)}")
        earlier = len(self._mails())
        browser.send(email=CITIZEN)
        code = re.search(r"\b\d{8}\b", until(lambda: self._mails()[: -earlier or None])[0]["body"])
        assert code
        answer = browser.send(code=code[0])
        browser.close()
        given = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        asked = {"grant_type": "authorization_code", "code": given["code"], "redirect_uri": callback}
        return self._token(asked, ("demo-web", application["client_secret"]))

    def _mails(self) -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = httpx.get(self._ready["captured"], params={"to": CITIZEN}, timeout=20).raise_for_status().json()
        return mails


@dataclass
class Platform:
    """A running platform, its credentials, and ids of existing resources."""

    ready: dict[str, Any]
    credentials: Credentials
    existing: dict[str, dict[str, str]] = field(default_factory=dict)
    """By service, path parameters that name existing resources."""


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Platform]:
    """A whole platform with its demo data, and one share for a citizen. `BLOCKS_READY_FILE` names a running one instead."""
    if known := os.environ.get("BLOCKS_READY_FILE"):
        yield _with_things(json.loads(Path(known).read_text("utf-8")))
        return
    data: Callable[[], Path] = request.getfixturevalue("platform_data")
    with RunningBlocks(tmp_path_factory.mktemp("fuzz"), "--data-dir", str(data()), **WITHOUT_RATE_LIMITS) as running:
        yield _with_things(running.wait_until_ready())


def _with_things(ready: dict[str, Any]) -> Platform:
    platform = Platform(ready, Credentials(ready))
    platform.existing = _existing(platform)
    return platform


def _existing(platform: Platform) -> dict[str, dict[str, str]]:
    urls, credentials = platform.ready["urls"], platform.credentials
    with httpx.Client(timeout=20) as http:

        def ask(service: str, path: str, body: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
            answer = http.request(
                "GET" if body is None else "POST",
                urls[service] + path,
                params=query,
                json=body,
                headers=credentials.headers(service, path),
            )
            content: dict[str, Any] = answer.raise_for_status().json()
            return content

        subject = credentials.citizen("openid data_sharing:record:read")
        claims = json.loads(base64.urlsafe_b64decode(subject["id_token"].split(".")[1] + "=="))
        share = ask(
            "data_sharing",
            "/v1/shares",
            {
                "agreement": AGREEMENT,
                "purpose": "council-tax",
                "subject": claims["sub"],
                "recipient": HACKNEY,
                "reference": "fuzz",
                "items": {"given_name": "Ada"},
            },
        )
        line = ask("data_sharing", "/v1/record")["items"][0]
        premises = next(found for found in ask("addresses", "/v1/addresses/search", q="E8 1EA")["results"] if found["kind"] == "premises")
        job = http.post(
            f"{urls['addresses']}/v1/addresses/match/jobs",
            content="id,address\n1,12 High Street\n",
            headers=credentials.headers("addresses", "/v1/addresses/match/jobs") | {"Content-Type": "text/csv"},
        ).raise_for_status()
        provisional = ask("addresses", "/v1/addresses/provisional", {"address": "Plot 7, the meadow", "postcode": "E8 1EA"})
        report = ask("addresses", "/v1/addresses/reports", {"kind": "wrong", "uprn": str(premises["uprn"])})
        move = ask("move_home", "/api/moves", a_move("fuzz@example.com"))
        message = {
            "email_address": CITIZEN,
            "template_id": platform.ready["notifications"]["templates"]["email"],
            "personalisation": {"name": "A"},
        }
        sent = ask("notifications", "/v2/notifications/email", message)
        return {
            "data_sharing": {"ref": AGREEMENT, "id": share["id"], "size": "1", "record": line["id"]},
            "addresses": {
                "uprn": str(premises["uprn"]),
                "postcode": "E8 1EA",
                "job": job.json()["id"],
                "provisional": provisional["id"],
                "report": report["id"],
            },
            "move_home": {"move": move["id"]},
            "notifications": {
                "notification_id": sent["id"],
                "template_id": platform.ready["notifications"]["templates"]["email"],
                "version": "1",
                "service_id": platform.ready["notifications"]["service_id"],
            },
        }
