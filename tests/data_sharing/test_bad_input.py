"""Bad input is a 4xx problem that names the field; nothing of it is stored."""

import json
from typing import Any

import pytest

from .platform import BOROUGH_SCOPE, CITIZEN, Platform
from .texts import CAMDEN, COUNCIL_TAX, HACKNEY, ISLINGTON, text

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHARE: dict[str, Any] = {
    "agreement": "ref",
    "purpose": COUNCIL_TAX,
    "subject": CITIZEN,
    "recipient": CAMDEN,
    "reference": "move-1",
    "items": {"given_name": "Ada"},
}


@pytest.fixture
def platform(shared_platform: Platform) -> Platform:
    return shared_platform


def without(body: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != field}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/shares", {**SHARE, "recipient": "E09000099"}, "body.recipient"),
        ("/v1/shares", {**SHARE, "recipient": 7}, "body.recipient"),
        ("/v1/shares", without(SHARE, "subject"), "body.subject"),
        ("/v1/shares", {**SHARE, "subject": "x" * 201}, "body.subject"),
        ("/v1/shares", {**SHARE, "reference": "with spaces"}, "body.reference"),
        ("/v1/shares", {**SHARE, "purpose": "Council Tax"}, "body.purpose"),
        ("/v1/shares", {**SHARE, "items": {}}, "body.items"),
        ("/v1/shares", {**SHARE, "items": {"shoe_size": "9"}}, "body.items.shoe_size"),
        ("/v1/shares", {**SHARE, "items": {"moved_on": "yesterday"}}, "body.items.moved_on"),
        ("/v1/shares", {**SHARE, "items": {"new_uprn": "12 34"}}, "body.items.new_uprn"),
        ("/v1/shares", {**SHARE, "items": {"given_name": "\ud800"}}, "body.items.given_name"),
        ("/v1/shares", {**SHARE, "items": {"given_name": ["a"]}}, "body.items.given_name"),
        ("/v1/shares", {**SHARE, "extra": 1}, "body.extra"),
        ("/v1/shares", [], "body"),
        ("/v1/agreements", without(text(), "title"), "body.title"),
        ("/v1/agreements", text(title=" "), "body.title"),
        ("/v1/agreements", text(version=0), "body.version"),
        ("/v1/agreements", text(parties=[{"borough": CAMDEN}]), "body.parties"),
        ("/v1/agreements", text(parties=[{"borough": CAMDEN}, {"borough": ISLINGTON}]), "body"),
        ("/v1/agreements", text(review_on="soon"), "body.review_on"),
        ("/v1/agreements", text(purposes=[{**text()["purposes"][0], "lawful_basis": "A6-1-z"}]), "body.purposes.0.lawful_basis"),
        ("/v1/agreements/any/sign", {"person": "A", "position": "B", "text_sha256": "short"}, "body.text_sha256"),
    ],
)
async def test_a_body_that_is_wrong_names_the_field(platform, path, body, field):
    answer = await platform.call(HACKNEY, "POST", path, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert field in [error["field"] for error in answer.json()["errors"]], answer.json()
    assert await platform.store.collection("shares").count({}) == 0


async def test_an_author_outside_the_parties_is_an_error_of_that_field(platform):
    answer = await platform.call(ISLINGTON, "POST", "/v1/agreements", json=text())
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "body.parties"


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/v1/agreements", {"limit": 0}, "query.limit"),
        ("/v1/agreements", {"limit": 101}, "query.limit"),
        ("/v1/agreements", {"status": "asleep"}, "query.status"),
        ("/v1/agreements", {"party": "Camden"}, "query.party.0"),
        ("/v1/agreements", {"cursor": "%00"}, "query.cursor"),
        ("/v1/agreements", {"cursor": "WzFd"}, "query.cursor"),
        ("/v1/inbox", {"cursor": "e30"}, "query.cursor"),
        ("/v1/inbox", {"unread": "perhaps"}, "query.unread"),
        ("/v1/record/consistency", {"first": 0, "second": 1}, "query.first"),
        ("/v1/record/consistency", {"first": 1, "second": 9}, "query.second"),
    ],
)
async def test_a_query_that_is_wrong_names_the_parameter(platform, path, params, field):
    answer = await platform.call(HACKNEY, "GET", path, params=params)
    assert answer.status_code == 400, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]], answer.json()


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/agreements", "data_sharing:agreement:read"),
        ("POST", "/v1/agreements", "data_sharing:agreement:write"),
        ("POST", "/v1/agreements/x/sign", "data_sharing:agreement:sign"),
        ("POST", "/v1/agreements/x/suspend", "data_sharing:agreement:write"),
        ("POST", "/v1/shares", "data_sharing:share:create"),
        ("GET", "/v1/inbox", "data_sharing:inbox:read"),
        ("GET", "/v1/inbox/x", "data_sharing:inbox:read"),
        ("GET", "/v1/record", "data_sharing:record:read"),
        ("GET", "/v1/record/x/proof", "data_sharing:record:read"),
    ],
)
async def test_each_surface_needs_its_own_scope(platform, method, path, scope):
    bodies = {"/v1/agreements": text(), "/v1/shares": SHARE}
    body = bodies.get(path, {"person": "A", "position": "B", "text_sha256": "0" * 64}) if method == "POST" else None
    every_other = " ".join(one for one in [*BOROUGH_SCOPE.split(), "data_sharing:record:read"] if one != scope)
    refused = await platform.running.http.request(method, path, json=body, headers=platform.tokens.bearer(every_other))
    assert refused.status_code == 403
    assert scope in refused.headers["www-authenticate"]
    assert (await platform.running.http.request(method, path, json=body)).status_code == 401


async def test_a_token_without_a_borough_reaches_no_boroughs_data(platform):
    for path in ("/v1/agreements", "/v1/inbox"):
        answer = await platform.call(None, "GET", path)
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("no-borough")


async def test_a_step_from_an_old_view_is_refused(platform):
    ref = await platform.active()
    seen = await platform.call(CAMDEN, "GET", f"/v1/agreements/{ref}")
    assert seen.headers["etag"] == '"5"'
    assert (await platform.step(HACKNEY, ref, "suspend", headers={"If-Match": seen.headers["etag"]})).status_code == 200
    stale = await platform.step(CAMDEN, ref, "terminate", headers={"If-Match": seen.headers["etag"]})
    assert stale.status_code == 412
    assert (await platform.call(CAMDEN, "GET", f"/v1/agreements/{ref}")).json()["status"] == "suspended"
