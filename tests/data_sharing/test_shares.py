"""Shares and inboxes over HTTP, with the real database: minimised, made once, refused in plain words, encrypted at rest."""

import asyncio
import json

import pytest

from shared.clock import now
from tests.support.published_events import published
from tests.support.service_runner import eventually

from .platform import CITIZEN, readable
from .texts import CAMDEN, COUNCIL_TAX, HACKNEY, ISLINGTON, ITEMS

TO_HACKNEY_ONLY = {"recipient": HACKNEY, "purpose": COUNCIL_TAX, "items": ["given_name"]}


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
        await tx.shares.add_refusal("any-write", now())
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


async def test_a_share_without_an_agreement_is_made_under_one_that_binds_the_boroughs_and_allows_it(platform):
    suspended, silent = await platform.active(title="Suspended"), await platform.active(permissions=[TO_HACKNEY_ONLY])
    await platform.step(CAMDEN, suspended, "suspend")
    right = await platform.active(title="In force")
    made = await platform.share(None)
    assert made.status_code == 201
    assert (made.json()["agreement"], silent) == (right, silent)
    assert (await platform.share(None)).json() == made.json()
    assert (await platform.share(None, parties=[CAMDEN], reference="move-2")).status_code == 201
    both = await platform.share(right, parties=[CAMDEN], reference="move-3")
    assert both.status_code == 400


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"recipient": ISLINGTON}, "no-agreement"),
        ({"recipient": CAMDEN, "parties": [ISLINGTON]}, "no-agreement"),
        ({"sender": ISLINGTON, "recipient": ISLINGTON}, "no-agreement"),
        ({"recipient": CAMDEN, "purpose": "parking"}, "purpose-not-covered"),
        ({"recipient": CAMDEN, "items": {"date_of_birth": "1990-12-10"}}, "no-item-allowed"),
    ],
)
async def test_what_no_agreement_allows_is_refused_and_stands_in_the_citizens_record_once(platform, over, reason):
    await platform.active()
    for _ in range(2):
        refused = await platform.share(None, **over)
        assert refused.status_code == 403
        assert refused.json()["type"].endswith(f"/{reason}")
    sender = over.get("sender", HACKNEY)
    (line,) = (await platform.as_citizen("/v1/record", borough=sender)).json()["items"]
    assert (line["action"], line["reason"], line["sender"], line["recipient"]) == ("refused", reason, sender, over["recipient"])
    assert (line["agreement"] == "") == (reason == "no-agreement")
    (event,) = await platform.events("share.refused")
    assert (event["sender"], event["client"], event["reference"]) == (sender, "move-home", "move-1")
    await platform.sealed()
    assert (await platform.as_citizen(f"/v1/record/{line['id']}/proof", borough=sender)).status_code == 200


async def test_a_suspended_agreement_is_the_reason_where_it_is_the_only_one(platform):
    ref = await platform.active()
    await platform.step(CAMDEN, ref, "suspend")
    refused = await platform.share(None)
    assert refused.json()["type"].endswith("/agreement-not-active")
    assert (await platform.record())[0]["agreement"] == ref


async def test_another_borough_can_write_nothing_into_a_citizens_record_by_their_pseudonym(platform):
    """A pseudonym is made for one sector (OpenID Connect Core, section 8.1): in another sector it identifies nobody."""
    await platform.active()
    await platform.share(None)
    assert (await platform.share(None, HACKNEY, sender=CAMDEN, client_id="camden")).status_code == 201
    assert (await platform.share(None, ISLINGTON, sender=CAMDEN, client_id="camden")).status_code == 403
    assert [line["sender_name"] for line in await platform.record()] == ["Hackney"]
    assert (await platform.as_citizen("/v1/record", sector="another-of-hackney")).json()["items"] == []
    lines = (await platform.as_citizen("/v1/record", borough=CAMDEN)).json()["items"]
    assert [line["sender_name"] for line in lines] == ["Camden", "Camden"]
    await platform.sealed()
    assert (await platform.as_citizen(f"/v1/record/{lines[0]['id']}/proof")).status_code == 404


async def test_a_reading_is_in_the_record_of_the_citizen_whose_borough_sent_it(platform):
    ref = await platform.active()
    share = (await platform.share(ref)).json()
    assert (await platform.call(CAMDEN, "GET", f"/v1/inbox/{share['id']}")).status_code == 200
    read, sent = await platform.record()
    assert [(line["action"], line["by_name"], line["sender_name"], line["recipient_name"]) for line in (read, sent)] == [
        ("read", "Camden", "Hackney", "Camden"),
        ("shared", "Hackney", "Hackney", "Camden"),
    ]


async def test_a_recipient_never_sees_the_senders_reference(platform):
    ref = await platform.active()
    share = (await platform.share(ref, reference="a-secret-of-the-sender")).json()
    for path in ("/v1/inbox", f"/v1/inbox/{share['id']}"):
        assert "a-secret-of-the-sender" not in (await platform.call(CAMDEN, "GET", path)).text
    (event,) = await platform.events("share.delivered")
    assert (event["sender"], event["client"], event["reference"]) == (HACKNEY, "move-home", "a-secret-of-the-sender")
