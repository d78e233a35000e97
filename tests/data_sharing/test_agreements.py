"""Agreements over HTTP, with the real database: from draft to terminated, seen by their parties only."""

import asyncio
import hashlib
from typing import Any

from .texts import CAMDEN, COUNCIL_TAX, HACKNEY, ISLINGTON, ITEMS, text


async def test_an_agreement_goes_from_draft_to_suspended_and_each_step_is_an_event(platform):
    ref, sha256 = await platform.awaiting()
    exact = await platform.call(CAMDEN, "GET", f"/v1/agreements/{ref}/text")
    assert hashlib.sha256(exact.content).hexdigest() == sha256

    first = await platform.sign(CAMDEN, ref, sha256)
    assert first.json()["status"] == "awaiting_signature"
    assert [borough["name"] for borough in first.json()["awaiting"]] == ["Hackney"]
    last = await platform.sign(HACKNEY, ref, sha256)
    assert last.json()["status"] == "active"
    assert [one["borough"]["name"] for one in last.json()["signatures"]] == ["Camden", "Hackney"]

    assert (await platform.step(CAMDEN, ref, "suspend")).json()["status"] == "suspended"
    not_theirs = await platform.step(HACKNEY, ref, "resume")
    assert not_theirs.status_code == 409
    assert not_theirs.json()["type"].endswith("suspended-by-another-party")
    assert (await platform.step(CAMDEN, ref, "resume")).json()["status"] == "active"
    assert (await platform.step(HACKNEY, ref, "terminate")).json()["status"] == "terminated"
    assert (await platform.step(CAMDEN, ref, "suspend")).status_code == 409

    for kind, times in (
        ("drafted", 1),
        ("submitted", 1),
        ("signed", 2),
        ("activated", 1),
        ("suspended", 1),
        ("resumed", 1),
        ("terminated", 1),
    ):
        assert len(await platform.events(f"agreement.{kind}")) == times, kind


async def test_a_borough_that_is_no_party_sees_no_agreement(platform):
    ref = await platform.active()
    for method, path in (
        ("GET", ""),
        ("GET", "/text"),
        ("POST", "/submit"),
        ("POST", "/suspend"),
        ("POST", "/resume"),
        ("POST", "/terminate"),
    ):
        assert (await platform.call(ISLINGTON, method, f"/v1/agreements/{ref}{path}")).status_code == 404
    assert (await platform.sign(ISLINGTON, ref, "0" * 64)).status_code == 404
    assert (await platform.call(ISLINGTON, "GET", "/v1/agreements")).json()["items"] == []
    refused = await platform.call(
        ISLINGTON,
        "POST",
        "/v1/shares",
        json={"agreement": ref, "purpose": COUNCIL_TAX, "subject": "s", "recipient": CAMDEN, "reference": "r", "items": ITEMS},
    )
    assert refused.status_code == 404
    assert (await platform.call(HACKNEY, "GET", f"/v1/agreements/{ref}")).json()["status"] == "active"


async def test_agreements_are_found_by_party_purpose_and_status_in_pages(platform):
    wide = text(parties=[{"borough": CAMDEN}, {"borough": HACKNEY}, {"borough": ISLINGTON}])
    refs = sorted([await platform.active() for _ in range(3)])
    drafted = (await platform.call(CAMDEN, "POST", "/v1/agreements", json=wide)).json()["ref"]

    async def found(borough: str, **params: Any) -> list[str]:
        answer = await platform.call(borough, "GET", "/v1/agreements", params=params)
        assert answer.status_code == 200, answer.text
        return [agreement["ref"] for agreement in answer.json()["items"]]

    assert await found(CAMDEN, party=[CAMDEN, HACKNEY], purpose=COUNCIL_TAX, status="active") == refs
    assert await found(CAMDEN, party=ISLINGTON) == [drafted]
    assert await found(CAMDEN, purpose="parking") == []
    assert await found(ISLINGTON) == [drafted]

    seen, cursor = [], None
    while True:
        page = (await platform.call(HACKNEY, "GET", "/v1/agreements", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        seen += [agreement["ref"] for agreement in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted([*refs, drafted])


async def test_two_parties_that_sign_at_once_bring_it_into_force_once(platform):
    for _ in range(5):
        ref, sha256 = await platform.awaiting()
        answers = await asyncio.gather(*(platform.sign(borough, ref, sha256) for borough in (CAMDEN, HACKNEY, CAMDEN, HACKNEY)))
        assert [answer.status_code for answer in answers] == [200] * 4
        agreement = (await platform.call(CAMDEN, "GET", f"/v1/agreements/{ref}")).json()
        assert agreement["status"] == "active"
        assert sorted(one["borough"]["code"] for one in agreement["signatures"]) == [CAMDEN, HACKNEY]
        assert agreement["revision"] == 5
    activated = await platform.events("agreement.activated")
    assert len(activated) == len({event["agreement"] for event in activated}) == 5
    assert len(await platform.events("agreement.signed")) == 10
