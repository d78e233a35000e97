"""The database reveals no recipient or content, and keeps nothing longer than the retention."""

import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError
from pymongo import MongoClient

from services.notifications.seed import SeedService
from services.notifications.store.delivery_jobs import slot_of
from services.notifications.upkeep import Upkeep
from shared import clock
from shared.events import new_id
from shared.service import StartError
from tests.notifications.conftest import EMAIL_TEMPLATE, SEED, SERVICE, SMS_TEMPLATE, Block, MailServer, TextServer, soon
from tests.notifications.test_errors import bearer
from tests.support.service_runner import eventually

ADDRESS, NUMBER, NAME, REFERENCE = "hush.person@example.com", "07900900456", "Persephone", "case-4711"
PERSONAL = (ADDRESS, NUMBER, "447900900456", NAME)


def rows(block: Block, *collections: str) -> list[tuple[str, dict[str, Any]]]:
    """Return every row of the database, or of some collections, as stored."""
    with MongoClient[dict[str, Any]](block.settings.mongodb.get_secret_value()) as client:
        database = client[block.settings.database]
        names = collections or tuple(database.list_collection_names())
        return [(name, row) for name in names for row in database[name].find({})]


def now_bearer() -> dict[str, str]:
    """Return the header of a caller with the test's clock."""
    return bearer(iat=int(clock.now().timestamp()))


async def send_both(block: Block) -> list[str]:
    """Accept an email and a text, each under an Idempotency-Key."""
    http, made = block.running.http, []
    for path, recipient, template in (("email", "email_address", EMAIL_TEMPLATE), ("sms", "phone_number", SMS_TEMPLATE)):
        body = {recipient: ADDRESS if path == "email" else NUMBER, "template_id": template, "personalisation": {"name": NAME}}
        headers = bearer() | {"Idempotency-Key": str(uuid4())}
        reply = await http.post(f"/v2/notifications/{path}", json={**body, "reference": REFERENCE}, headers=headers)
        assert reply.status_code == 201, reply.text
        made.append(reply.json()["id"])
        assert (await http.post(f"/v2/notifications/{path}", json={**body, "reference": REFERENCE}, headers=headers)).json() == reply.json()
    return made


async def delivered(block: Block, count: int = 2) -> None:
    async def are() -> bool:
        listed = await block.client().get_all_notifications()
        return [each["status"] for each in listed["notifications"]] == ["delivered"] * count

    await soon(are)


async def test_neither_recipients_nor_texts_lie_in_clear_on_the_way_or_afterwards(
    block: Block, mail: MailServer, texts: TextServer
) -> None:
    mail.gate.clear()
    await send_both(block)
    await eventually(lambda: mail.at_once == 1)
    on_the_way = rows(block)
    mail.gate.set()
    await delivered(block)
    afterwards = rows(block)
    for found in (on_the_way, afterwards):
        assert {"notifications", "idempotency"} <= {name for name, _ in found}
        for name, row in found:
            for personal in PERSONAL:
                assert personal not in repr(row), name
    assert REFERENCE not in repr(rows(block, "notifications", "handovers", "idempotency"))
    assert not [row for _, row in rows(block, "notifications") if row.get("unsent")], "only the delivery worker needs HTML and plain text"
    assert [NAME.encode() in each for each in mail.taken] == [True]
    assert [NAME in each["body"] for each in texts.texts] == [True]
    read = (await block.client().get_all_notifications(reference=REFERENCE))["notifications"]
    assert {each["email_address"] or each["phone_number"] for each in read} == {ADDRESS, NUMBER}
    assert all(NAME in each["body"] and each["reference"] == REFERENCE for each in read)
    other = await block.client("other").get_all_notifications(reference=REFERENCE)
    assert other["notifications"] == []


async def test_no_plain_digest_of_a_request_or_reference_lies_there(block: Block) -> None:
    body = json.dumps({"phone_number": NUMBER, "template_id": SMS_TEMPLATE, "personalisation": {"name": "A"}, "reference": REFERENCE})
    headers = bearer() | {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
    for _ in range(2):
        assert (await block.running.http.post("/v2/notifications/sms", content=body, headers=headers)).status_code == 201
    found = repr(rows(block))
    for text in (b"\0" + body.encode(), body.encode(), NUMBER.encode(), b"447900900456", REFERENCE.encode()):
        assert hashlib.sha256(text).hexdigest() not in found
    changed = body.replace(NUMBER, "07900900457")
    assert (await block.running.http.post("/v2/notifications/sms", content=changed, headers=headers)).status_code == 422


async def test_the_team_of_a_service_is_sealed_and_still_the_team(block: Block) -> None:
    assert "ada@hackney.example" not in repr(rows(block, "services"))
    assert "447900900123" not in repr(rows(block, "services"))
    team = block.client("team")
    await team.send_sms_notification("07900900123", SMS_TEMPLATE, {"name": "Ada"})
    with pytest.raises(Exception, match="team-only"):
        await team.send_sms_notification(NUMBER, SMS_TEMPLATE, {"name": "Ada"})


async def test_keys_rotate_without_losing_a_message(start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    async with start(secret_key=SecretStr(old)) as block:
        sent = await send_both(block)
        await delivered(block)
        under = {row["key_id"] for _, row in rows(block, "notifications")}
        sealed = {row["_id"]: row["sealed"] for _, row in rows(block, "notifications")}
    async with start(secret_key=SecretStr(f"{new},{old}"), seed_file="") as block:
        assert len((await block.client().get_all_notifications(reference=REFERENCE))["notifications"]) == 2

        async def is_rewrapped() -> bool:
            return not under & {row["key_id"] for _, row in rows(block, "notifications")}

        await soon(is_rewrapped)
        assert {row["_id"]: row["sealed"] for _, row in rows(block, "notifications")} == sealed, "only data keys are wrapped anew"
    async with start(secret_key=SecretStr(new), seed_file="") as block:  # the old key is gone for good
        read = (await block.client().get_all_notifications(reference=REFERENCE))["notifications"]
        assert {each["id"] for each in read} == set(sent)
        assert {each["email_address"] or each["phone_number"] for each in read} == {ADDRESS, NUMBER}
    with pytest.raises(StartError, match="NOTIFICATIONS_SECRET_KEY") as stopped:
        async with start(secret_key=SecretStr(old), seed_file=""):
            pass
    assert "\n" not in str(stopped.value)


@pytest.fixture
def short_seed(tmp_path: Path) -> str:
    """A seed whose service keeps messages for three days."""
    first, *others = copy.deepcopy(SEED["services"])
    seed = {"services": [{**first, "retention_days": 3}, *others]}
    file = tmp_path / "short.json"
    file.write_text(json.dumps(seed))
    return str(file)


async def test_a_message_goes_when_its_services_retention_is_over(start: Callable[..., Any], short_seed: str) -> None:
    async with start(seed_file=short_seed) as block:
        [mail, text] = await send_both(block)
        await delivered(block)
        http, began = block.running.http, clock.now()
        with clock.at(began + timedelta(days=2, hours=23)):
            assert (await http.get(f"/v2/notifications/{mail}", headers=now_bearer())).status_code == 200
            await upkeep_of(block).step()
            assert len(rows(block, "notifications")) == 2
        with clock.at(began + timedelta(days=3, minutes=1)):
            assert (await http.get(f"/v2/notifications/{mail}", headers=now_bearer())).status_code == 404
            assert (await http.get("/v2/notifications", headers=now_bearer())).json()["notifications"] == []
            assert (await http.get("/v2/notifications", params={"reference": REFERENCE}, headers=now_bearer())).json()[
                "notifications"
            ] == []
            await upkeep_of(block).step()
            assert rows(block, "notifications") == []
        assert text != mail


async def test_a_message_that_nobody_could_hand_over_is_not_deleted(start: Callable[..., Any], short_seed: str) -> None:
    async with start(seed_file=short_seed, role="api") as block:
        await send_both(block)
        with clock.at(clock.now() + timedelta(days=4)):
            assert (await block.running.http.get("/v2/notifications", headers=now_bearer())).json()["notifications"] == []
            await upkeep_of(block).step()
            assert len(rows(block, "notifications")) == 2
        async with start(seed_file=short_seed):
            await delivered(block)


async def test_the_database_deletes_them_too(block: Block) -> None:
    with MongoClient[dict[str, Any]](block.settings.mongodb.get_secret_value()) as client:
        indexes = client[block.settings.database]["notifications"].index_information().values()
    assert [index for index in indexes if index["key"] == [("expires_at", 1)] and index.get("expireAfterSeconds") == 0]


@pytest.mark.parametrize(("days", "allowed"), [(2, False), (3, True), (90, True), (91, False)])
def test_a_service_keeps_messages_for_3_to_90_days(days: int, *, allowed: bool) -> None:
    given = {**SEED["services"][0], "retention_days": days}
    if allowed:
        assert SeedService.model_validate(given).retention_days == days
        return
    with pytest.raises(ValidationError):
        SeedService.model_validate(given)


def in_clear(notification: str, status: str, at: datetime) -> dict[str, Any]:
    """Write a row in the format of the version before encryption."""
    ended = status != "created"
    return {
        "_id": notification,
        "service": SERVICE,
        "borough": "E09000012",
        "channel": "email",
        "key_type": "live",
        "template": EMAIL_TEMPLATE,
        "template_version": 1,
        "reference": REFERENCE,
        "given_recipient": ADDRESS,
        "envelope": {"recipient": ADDRESS, "sender": "a@b.example", "sender_name": "A", "reply_to": None, "unsubscribe_url": None},
        "content": {"body": f"Hello {NAME}", "subject": "Hello"} | ({} if ended else {"html": f"<p>{NAME}</p>", "text": NAME}),
        "status": status,
        "created_at": at,
        "sent_at": at if ended else None,
        "completed_at": at if ended else None,
        "sequence": 2 if ended else 1,
    }


async def test_what_an_earlier_version_wrote_in_clear_is_sealed_delivered_and_expires(start: Callable[..., Any], mail: MailServer) -> None:
    now = datetime.now(UTC)
    done, waiting, old = new_id(), new_id(), new_id()
    async with start(role="api") as block:
        with MongoClient[dict[str, Any]](block.settings.mongodb.get_secret_value()) as client:
            database = client[block.settings.database]
            for notification, status, at in (
                (done, "delivered", now),
                (waiting, "created", now),
                (old, "delivered", now - timedelta(days=8)),
            ):
                database["notifications"].insert_one(in_clear(notification, status, at))
            line = {
                "slot": slot_of(waiting),
                "state": "due",
                "due_at": now,
                "courier": None,
                "attempt": 0,
                "since": now,
                "traceparent": None,
            }
            database["handovers"].insert_one({"_id": waiting, **line})
            services = {row["_id"]: row for row in database["services"].find({})}
            database["services"].update_one({"_id": SERVICE}, {"$set": {"team": ["ada@hackney.example"]}, "$unset": {"retention_days": ""}})
        assert services[SERVICE]["retention_days"] == 7
        read = (await block.running.http.get(f"/v2/notifications/{done}", headers=bearer())).json()
        assert (read["email_address"], read["reference"]) == (ADDRESS, REFERENCE), "until it is sealed it is read as it is"
    for _ in range(2):  # a repeat changes nothing
        async with start(seed_file="") as block:
            await eventually(lambda: mail.recipients == [ADDRESS])

            async def is_sealed(block: Block = block) -> bool:
                return {row["_id"] for _, row in rows(block, "notifications") if "sealed" in row} == {done, waiting}

            await soon(is_sealed)
            for personal in (*PERSONAL, REFERENCE, "ada@hackney.example"):
                assert personal not in repr(rows(block, "notifications", "services"))
            await delivered(block)
            read = (await block.client().get_all_notifications(reference=REFERENCE))["notifications"]
            assert {each["id"] for each in read} == {done, waiting}
            assert all(NAME in each["body"] for each in read)
    async with start(seed_file="") as block:
        await block.client("team").send_email_notification("ada@hackney.example", EMAIL_TEMPLATE, {"name": "Ada"})
        await eventually(lambda: mail.recipients == [ADDRESS, "ada@hackney.example"])


def upkeep_of(block: Block) -> Upkeep:
    found: Upkeep = block.running.service.app.state.provided[Upkeep]
    return found
