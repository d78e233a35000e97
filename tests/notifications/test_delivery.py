"""An accepted message is delivered, as one message, whatever servers and processes do."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.notifications import delivery
from services.notifications.settings import Settings
from services.notifications.store.delivery_jobs import DeliveryJobs
from shared.mongo import Unavailable
from tests.notifications.conftest import EMAIL_TEMPLATE, SMS_TEMPLATE, Block, MailServer
from tests.notifications.test_errors import bearer
from tests.support.published_events import published
from tests.support.service_runner import eventually, free_port


async def send(block: Block, *names: str) -> list[str]:
    """Accept one email for each name, all at once."""
    client = block.client()
    return [(await client.send_email_notification(f"{name}@example.com", EMAIL_TEMPLATE, {"name": name}))["id"] for name in names]


async def statuses(block: Block) -> list[str]:
    listed = await block.client().get_all_notifications()
    return [each["status"] for each in listed["notifications"]]


async def settled(block: Block, *expected: str, seconds: float = 15.0) -> None:
    """Wait until the messages have these states, in any order."""

    async def are() -> bool:
        return sorted(await statuses(block)) == sorted(expected)

    await eventually(are, seconds)


async def events_of(block: Block) -> dict[str, list[str]]:
    """Return the events of each notification, in order."""
    found: dict[str, list[str]] = {}
    for event in await published(block.running.service):
        found.setdefault(event.key, []).append(event.about.type.split(".")[-2])
    return found


async def test_a_server_that_is_down_delays_and_never_loses(block: Block) -> None:
    await block.mail.stop()
    await send(block, "ada", "bob")

    async def tried() -> bool:
        store = block.running.service.store
        assert store is not None
        rows = await store.collection("handovers").find({})
        return len(rows) == 2 and all(row["attempt"] >= 1 and row["state"] == "due" for row in rows)

    await eventually(tried)
    assert await statuses(block) == ["created", "created"]
    await block.mail.start()
    await settled(block, "delivered", "delivered")
    assert sorted(block.mail.recipients) == ["ada@example.com", "bob@example.com"]


async def test_a_claim_whose_reply_was_lost_is_found_by_the_worker_that_made_it(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, lost = DeliveryJobs.claim, list[str]()

    async def lose_the_first_reply(self: DeliveryJobs, notification: str, holder: str) -> bool:
        mine = await claim(self, notification, holder)
        if not lost:
            lost.append(notification)
            raise Unavailable("the database was killed between its commit and its reply")
        return mine

    monkeypatch.setattr(DeliveryJobs, "claim", lose_the_first_reply)
    (sent,) = await send(block, "ada")
    await settled(block, "delivered")
    assert lost == [sent]
    assert block.mail.recipients == ["ada@example.com"]


async def test_a_refusal_for_good_is_a_permanent_failure_and_tried_once(block: Block) -> None:
    block.mail.rcpt_answers = ["550 5.1.1 No such mailbox"]
    block.texts.statuses = [422]
    (mail,) = await send(block, "ada")
    text = (await block.client().send_sms_notification("07900900456", SMS_TEMPLATE, {"name": "Ada"}))["id"]
    await settled(block, "permanent-failure", "permanent-failure")
    assert block.mail.taken == []
    assert len(block.texts.texts) == 1
    assert await events_of(block) == {mail: ["accepted", "failed"], text: ["accepted", "failed"]}


async def test_not_now_is_tried_again_as_the_same_message(block: Block) -> None:
    block.mail.answers = ["451 4.3.0 Later"]
    block.texts.statuses = [503]
    (mail,) = await send(block, "ada")
    text = (await block.client().send_sms_notification("07900900456", SMS_TEMPLATE, {"name": "Ada"}))["id"]
    await settled(block, "delivered", "delivered")
    assert block.mail.message_ids() == [f"<{mail}@notifications.localhost>"]
    assert [each["dedupe_key"] for each in block.texts.texts] == [text, text]
    assert await events_of(block) == {mail: ["accepted", "delivered"], text: ["accepted", "delivered"]}


async def test_a_slow_server_holds_up_no_more_than_the_messages_it_has(start: Callable[..., Any], mail: MailServer) -> None:
    async with start(deliveries_at_once=4) as block:
        mail.gate.clear()
        await send(block, *(f"p{number}" for number in range(6)))
        await eventually(lambda: mail.at_once == 4)
        mail.gate.set()
        await settled(block, *["delivered"] * 6)
        assert mail.most_at_once == 4
        assert mail.connections <= 4, "connections are used again"
        assert len(set(mail.message_ids())) == 6


async def test_a_server_that_never_answers_is_given_up_and_tried_again(start: Callable[..., Any], mail: MailServer) -> None:
    async with start(provider_timeout=0.3) as block:
        mail.gate.clear()
        await send(block, "ada")
        await eventually(lambda: mail.at_once == 1)
        await eventually(lambda: mail.at_once == 0)
        mail.gate.set()
        await settled(block, "delivered")


async def test_two_replicas_share_the_work_and_double_nothing(start: Callable[..., Any], mail: MailServer) -> None:
    async with start() as one, start() as two:
        names = [f"p{number}" for number in range(30)]
        await asyncio.gather(send(one, *names[:15]), send(two, *names[15:]))
        await settled(one, *["delivered"] * 30)
        assert sorted(mail.recipients) == sorted(f"{name}@example.com" for name in names)
        assert all(kinds == ["accepted", "delivered"] for kinds in (await events_of(one)).values())


async def test_what_a_dead_process_held_is_found_by_another(start: Callable[..., Any]) -> None:
    async with start(role="api") as api:
        first, second = await send(api, "ada", "bob")
        store = api.running.service.store
        assert store is not None
        await store.collection("live_processes").insert_one({"_id": "dead", "instance": "dead", "beat": 7, "dead": False})
        for notification, courier in ((first, "dead"), (second, "forgotten")):
            claim = {"state": "claimed", "courier": courier, "attempt": 1}
            await store.collection("handovers").update_one({"_id": notification}, {"$set": claim})
        async with start():
            await settled(api, "delivered", "delivered", seconds=20)
        assert await store.collection("live_processes").find({"_id": "dead"}) == []


async def test_an_outcome_that_cannot_be_written_is_kept_and_the_message_not_sent_again(
    block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = block.running.service.app.state.provided[delivery.DeliveryWorker]
    real, failures = worker._end, 8

    async def failing(*args: Any) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Unavailable("the database does not answer")
        await real(*args)

    monkeypatch.setattr(worker, "_end", failing)
    (notification,) = await send(block, "ada")
    await settled(block, "delivered")
    assert failures < 0
    assert block.mail.message_ids() == [f"<{notification}@notifications.localhost>"]


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of another process of the service."""
    own = {"name", "instance", "role", "port", "public_url", "audience", "seed_file"}
    shared = settings.model_dump(exclude=own)
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else str(value) for name, value in shared.items()}
    return {f"NOTIFICATIONS_{name.upper()}": value for name, value in plain.items() if value} | {"NOTIFICATIONS_PORT": str(free_port())}


def process(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start another replica as a process that the test can kill."""
    return subprocess.Popen([sys.executable, "-m", "services.notifications", "--role", "worker"], env=environment)


async def test_a_process_killed_between_the_servers_yes_and_its_own_commit_sends_the_same_message_again(
    start: Callable[..., Any], mail: MailServer, tmp_path: Path
) -> None:
    """The process dies during the server's acceptance: the claim is stored, the outcome is not. Another process finds the claim."""
    async with start(role="api") as api:
        environment = os.environ | as_environment(api.settings)
        mail.gate.clear()
        first = process(environment)
        try:
            (notification,) = await send(api, "ada")
            await eventually(lambda: mail.at_once == 1, 60)
            first.send_signal(signal.SIGSTOP)
            mail.gate.set()
            await eventually(lambda: len(mail.taken) == 1)
        finally:
            first.kill()
            first.wait()
        assert await statuses(api) == ["created"]
        second = process(environment)
        try:
            await settled(api, "delivered", seconds=60)
        finally:
            second.terminate()
            assert second.wait(15) == 0
        assert mail.message_ids() == [f"<{notification}@notifications.localhost>"] * 2
        assert (await events_of(api))[notification] == ["accepted", "delivered"]


async def test_no_personal_data_is_in_logs_and_the_trace_goes_on_to_the_provider(block: Block, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "services")
    block.mail.answers = ["451 later", "250 ok"]
    http = block.running.http
    trace = "0af7651916cd43dd8448eb211c80319c"
    reply = await http.post(
        "/v2/notifications/email",
        json={"email_address": "secret.person@example.com", "template_id": EMAIL_TEMPLATE, "personalisation": {"name": "Hush"}},
        headers=bearer() | {"traceparent": f"00-{trace}-b7ad6b7169203331-01"},
    )
    assert reply.status_code == 201
    await settled(block, "delivered")
    assert f"traceparent: 00-{trace}-".encode() in block.mail.taken[0]
    logged = caplog.text
    for personal in ("secret.person", "Hush"):
        assert personal not in logged
    store = block.running.service.store
    assert store is not None
    assert "secret.person" not in str(await store.collection("handovers").find({}))
    events = await published(block.running.service)
    assert events
    assert "secret.person" not in str(events)
