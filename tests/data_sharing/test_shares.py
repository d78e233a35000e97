"""Shares and inboxes over HTTP, with the real database: minimised, made once, refused in plain words, encrypted at rest."""

import asyncio
import json

import pytest

from shared.clock import now
from tests.support.published import published
from tests.support.running import eventually

from .platform import CITIZEN, readable
from .texts import CAMDEN, COUNCIL_TAX, HACKNEY, ISLINGTON, ITEMS


async def test_each_recipient_gets_its_own_items_and_nothing_else_is_stored(platform):
    ref = await platform.active()
    to_camden, to_hackney = await platform.share(ref, CAMDEN), await platform.share(ref, HACKNEY)
    assert to_camden.status_code == 201
    assert to_camden.json() == {
        "id": to_camden.json()["id"],
        "agreement": ref,
        "purpose": COUNCIL_TAX,
        "recipient": CAMDEN,
        "reference": "move-1",
        "shared": ["family_name", "given_name", "moved_on", "new_postcode", "old_address"],
        "status": "delivered",
    }
    for borough, answer in ((CAMDEN, to_camden), (HACKNEY, to_hackney)):
        listed = (await platform.call(borough, "GET", "/v1/inbox")).json()["items"]
        assert [one["id"] for one in listed] == [answer.json()["id"]]
        opened = (await platform.call(borough, "GET", f"/v1/inbox/{answer.json()['id']}")).json()
        assert opened["items"] == {name: ITEMS[name] for name in answer.json()["shared"]}
        assert opened["sender"]["name"] == "Hackney"
        assert CITIZEN not in json.dumps(opened)
    other = await platform.call(HACKNEY, "GET", f"/v1/inbox/{to_camden.json()['id']}")
    assert other.status_code == 404
    assert len(await platform.events("share.delivered")) == 2


async def test_no_personal_data_is_stored_in_clear_or_published(platform):
    ref = await platform.active()
    share = (await platform.share(ref, HACKNEY)).json()
    await platform.call(HACKNEY, "GET", f"/v1/inbox/{share['id']}")
    await platform.share(ref, ISLINGTON, reference="move-2")
    await platform.sealed()
    stored: dict[str, str] = {}
    for name in ("shares", "deliveries", "refusals", "record", "record_queue", "outbox", "idempotency"):
        rows = await platform.store.collection(name).find({})
        stored[name] = " ".join(readable(value) for row in rows for value in row.values())
    stored["published"] = " ".join(f"{event.key} {event.value.decode()}" for event in await published(platform.running.service))
    assert share["id"] in stored["deliveries"]
    assert share["id"] in stored["published"]
    for name, content in stored.items():
        for value in ITEMS.values():
            assert value not in content, (name, value)
    assert CITIZEN not in stored["published"]


@pytest.mark.parametrize(
    ("over", "before", "reason"),
    [
        ({}, "suspend", "agreement-not-active"),
        ({}, "terminate", "agreement-not-active"),
        ({"purpose": "parking"}, None, "purpose-not-covered"),
        ({"recipient": ISLINGTON}, None, "recipient-not-a-party"),
        ({"items": {"date_of_birth": "1990-12-10"}}, None, "no-item-allowed"),
    ],
)
async def test_what_the_agreement_does_not_allow_is_refused_and_the_refusal_recorded_once(platform, over, before, reason):
    ref = await platform.active()
    if before:
        await platform.step(CAMDEN, ref, before)
    for headers in ({"Idempotency-Key": "k1"}, {"Idempotency-Key": "k1"}, {}):
        refused = await platform.share(ref, headers=headers, **over)
        assert refused.status_code == 403
        assert refused.headers["content-type"].startswith("application/problem+json")
        assert refused.json()["type"].endswith(f"/{reason}")
        assert len(refused.json()["detail"]) > 20
    lines = await platform.record()
    assert [(line["action"], line["by_name"], line["items"], line["reason"]) for line in lines] == [("refused", "Hackney", [], reason)]
    assert len(await platform.events("share.refused")) == 1
    assert await platform.store.collection("deliveries").count({}) == 0


async def test_a_repeated_share_is_the_same_share_and_recorded_once(platform):
    ref = await platform.active()
    first, *others = await asyncio.gather(*(platform.share(ref) for _ in range(8)))
    assert first.status_code == 201
    assert {answer.text for answer in others} == {first.text}
    assert [line["action"] for line in await platform.record()] == ["shared"]
    assert len(await platform.events("share.delivered")) == 1
    await platform.step(CAMDEN, ref, "suspend")
    assert (await platform.share(ref)).json() == first.json()

    another = await platform.share(ref, items={"given_name": "Eve"})
    assert another.status_code == 409
    assert another.json()["type"].endswith("reference-reused")
    assert (await platform.share(ref, HACKNEY)).status_code == 403


async def test_no_share_that_is_asked_for_after_a_suspension_was_answered_is_made(platform):
    ref = await platform.active()
    suspended = asyncio.Event()
    made: list[tuple[bool, int]] = []

    async def keep_sharing(sender: int) -> None:
        for number in range(100):
            asked_after = suspended.is_set()
            answer = await platform.share(ref, reference=f"move-{sender}-{number}")
            made.append((asked_after, answer.status_code))
            if asked_after:
                return

    async def suspend() -> None:
        assert await eventually(lambda: sum(status == 201 for _, status in made) >= 10, seconds=60)
        assert (await platform.step(CAMDEN, ref, "suspend")).status_code == 200
        suspended.set()

    await asyncio.gather(suspend(), *(keep_sharing(sender) for sender in range(6)))
    assert {status for asked_after, status in made if asked_after} == {403}
    delivered = sum(status == 201 for _, status in made)
    assert await platform.store.collection("deliveries").count({}) == delivered
    assert len(await platform.events("share.delivered")) == delivered


async def test_a_share_reads_the_agreement_of_its_own_snapshot_and_never_blocks_a_suspension(platform):
    ref = await platform.active()
    async with platform.store.transaction() as tx:
        assert (await tx.agreements.get(ref, visible_to=HACKNEY)).status == "active"
        assert (await platform.step(CAMDEN, ref, "suspend")).status_code == 200
        assert (await tx.agreements.get(ref, visible_to=HACKNEY)).status == "active"
        await tx.shares.refuse_once("any-write", now())
    assert (await platform.share(ref)).status_code == 403


async def test_reading_is_recorded_each_time_and_stops_with_the_agreement(platform):
    ref = await platform.active()
    share = (await platform.share(ref)).json()
    unread = {"unread": "true"}
    assert len((await platform.call(CAMDEN, "GET", "/v1/inbox", params=unread)).json()["items"]) == 1
    for _ in range(2):
        assert (await platform.call(CAMDEN, "GET", f"/v1/inbox/{share['id']}")).status_code == 200
    assert (await platform.call(CAMDEN, "GET", "/v1/inbox", params=unread)).json()["items"] == []
    assert len(await platform.events("share.read")) == 1

    await platform.step(HACKNEY, ref, "suspend")
    closed = await platform.call(CAMDEN, "GET", f"/v1/inbox/{share['id']}")
    assert closed.status_code == 403
    assert closed.json()["type"].endswith("agreement-not-active")
    assert [(line["action"], line["by_name"]) for line in await platform.record()] == [
        ("refused", "Camden"),
        ("read", "Camden"),
        ("read", "Camden"),
        ("shared", "Hackney"),
    ]
