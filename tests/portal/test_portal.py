"""The portal shows the running services, and captures mail and texts."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import aiosmtplib
import pytest

from services.portal.service import build
from services.portal.settings import Settings
from tests.support.service_runner import RunningService, free_port

TRACE = "0af7651916cd43dd8448eb211c80319c"


def email(to: str = "ada@example.com", *, subject: str = "Hello", body: str = "Welcome.", message_id: str | None = None) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Hackney <moves@hackney.example>", to, subject
    mail["Message-ID"] = message_id or f"<{uuid4()}@test>"
    mail["X-Notification-Id"] = "n-1"
    mail["traceparent"] = f"00-{TRACE}-b7ad6b7169203331-01"
    mail.set_content(body)
    mail.add_alternative("<p>Welcome.</p><script>alert(1)</script>", subtype="html")
    return mail


def text(key: str = "k-1", **over: Any) -> dict[str, Any]:
    return {"dedupe_key": key, "notification_id": "n-2", "to": "447900900123", "from": "HACKNEY", "body": "Hello Ada"} | over


class Post:
    """A client of the portal's SMTP server."""

    def __init__(self, running: RunningService, port: int) -> None:
        self.running, self.port, self.http = running, port, running.http

    async def send(self, mail: EmailMessage) -> None:
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=self.port, timeout=20)

    async def captured(self, **query: Any) -> list[dict[str, Any]]:
        reply = await self.http.get("/captured", params=query)
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.json()
        return found


@pytest.fixture
def chosen(settings: Callable[..., Any]) -> Settings:
    made: Settings = settings(
        Settings,
        capture=True,
        smtp_port=free_port(),
        blocks={"identity": "http://127.0.0.1:8001", "notifications": "http://127.0.0.1:8003"},
    )
    return made


@pytest.fixture
async def portal(chosen: Settings, serve: Callable[..., Any]) -> AsyncIterator[Post]:
    async with serve(build(chosen)) as running:
        yield Post(running, chosen.smtp_port)


async def test_mail_and_texts_are_shown_newest_first(portal: Post) -> None:
    before = datetime.now(UTC)
    await portal.send(email("Ada@Example.com", subject="Grüße £"))
    reply = await portal.http.post("/capture/sms", json=text(), headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    assert reply.status_code == 201
    sms, mail = await portal.captured()
    assert set(mail) == {"id", "channel", "to", "subject", "body", "html", "created_at", "notification_id", "trace_id", "deliveries"}
    assert (mail["channel"], mail["to"], mail["subject"], mail["body"]) == ("email", "Ada@Example.com", "Grüße £", "Welcome.\n")
    assert "<script>" in mail["html"]
    assert (mail["notification_id"], mail["trace_id"], mail["deliveries"]) == ("n-1", TRACE, 1)
    assert before - timedelta(seconds=1) <= datetime.fromisoformat(mail["created_at"]) <= datetime.now(UTC)
    assert (sms["channel"], sms["to"], sms["subject"], sms["body"], sms["html"]) == ("sms", "447900900123", None, "Hello Ada", None)
    assert sms["trace_id"] == TRACE
    assert [each["channel"] for each in await portal.captured(to="ada@example.com")] == ["email"]
    assert [each["channel"] for each in await portal.captured(to="+44 7900 900123")] == ["sms"]
    assert [each["channel"] for each in await portal.captured(channel="sms")] == ["sms"]
    assert [each["channel"] for each in await portal.captured(limit=1)] == ["sms"]
    assert await portal.captured(since=sms["created_at"]) == [sms]
    assert await portal.captured(to="nobody@example.com") == []


@pytest.mark.parametrize("sent_to", ["447700900555", "+447700900555", "07700 900555"])
async def test_a_phone_number_is_found_in_whatever_form_it_is_typed(portal: Post, sent_to: str) -> None:
    await portal.http.post("/capture/sms", json=text(to=sent_to))
    for typed in ("07700 900555", "+44 7700 900555", "0044 7700 900 555", "(07700) 900-555", "+44 (0)7700 900555", "447700900555"):
        assert len(await portal.captured(to=typed)) == 1, typed
    assert await portal.captured(to="07700 900556") == []


async def test_the_same_message_again_is_another_delivery_of_one_row(portal: Post) -> None:
    mail = email(message_id="<same@test>")
    await asyncio.gather(*(portal.send(mail) for _ in range(5)))
    await asyncio.gather(*(portal.http.post("/capture/sms", json=text()) for _ in range(5)))
    assert sorted((each["channel"], each["deliveries"]) for each in await portal.captured()) == [("email", 5), ("sms", 5)]


async def test_what_was_taken_is_there_after_a_restart(chosen: Settings, serve: Callable[..., Any]) -> None:
    mail = email(message_id="<kept@test>")
    for deliveries in (1, 2):
        async with serve(build(chosen)) as running:
            post = Post(running, chosen.smtp_port)
            await post.send(mail)
            assert [each["deliveries"] for each in await post.captured()] == [deliveries]


async def test_the_page_shows_messages_escaped_and_never_their_html(portal: Post) -> None:
    await portal.send(email(subject="<b>Hi</b>", body="One <i>two</i>\nthree\n\nfour"))
    reply = await portal.http.get("/captured", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert reply.headers["content-type"].startswith("text/html")
    assert "&lt;b&gt;Hi&lt;/b&gt;" in reply.text
    assert "One &lt;i&gt;two&lt;/i&gt;<br>three" in reply.text
    assert "<script>alert" not in reply.text
    assert "no-store" in reply.headers["cache-control"]
    reply = await portal.http.get("/captured", headers={"Accept": "*/*"})
    assert reply.headers["content-type"].startswith("application/json")


async def test_the_front_page_names_the_blocks_and_their_addresses(portal: Post) -> None:
    reply = await portal.http.get("/")
    assert reply.status_code == 200
    for part in ('href="http://127.0.0.1:8001"', "Identity", 'href="http://127.0.0.1:8003/docs"', 'href="/captured"'):
        assert part in reply.text


async def test_only_this_machine_sees_captured_messages(portal: Post) -> None:
    for headers in ({"X-Forwarded-For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"}):
        assert (await portal.http.get("/captured", headers=headers)).status_code == 403
        assert (await portal.http.post("/capture/sms", json=text(), headers=headers)).status_code == 403


async def test_captured_messages_are_given_to_no_other_host(portal: Post) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"):
        assert (await portal.http.get("/captured", headers={"Host": host})).status_code == 403
        assert (await portal.http.post("/capture/sms", json=text(), headers={"Host": host})).status_code == 403
    for host in ("localhost", "127.0.0.1:8000", "[::1]:8000"):
        assert (await portal.http.get("/captured", headers={"Host": host})).status_code == 200


async def test_without_the_setting_nothing_is_captured(settings: Callable[..., Any], serve: Callable[..., Any]) -> None:
    without = settings(Settings, smtp_port=free_port())
    async with serve(build(without)) as running:
        assert (await running.http.get("/captured")).status_code == 404
        assert (await running.http.post("/capture/sms", json=text())).status_code == 404
        assert "/captured" not in (await running.http.get("/")).text
        with pytest.raises(OSError, match="onnect"):
            await aiosmtplib.SMTP(hostname="127.0.0.1", port=without.smtp_port).connect()


async def test_bad_input_is_refused_by_name_or_stored_as_it_can_be(portal: Post) -> None:
    for body, field in (
        ({}, "body.dedupe_key"),
        (text(to=7), "body.to"),
        (text(body="x" * 5001), "body.body"),
        (text(more=1), "body.more"),
    ):
        reply = await portal.http.post("/capture/sms", json=body)
        assert reply.status_code == 400
        assert field in [error["field"] for error in reply.json()["errors"]]
    assert (await portal.http.post("/capture/sms", content=b"\xff", headers={"Content-Type": "application/json"})).status_code == 400
    for query in ({"limit": 0}, {"limit": "x"}, {"channel": "fax"}, {"since": "x"}, {"since": "2026-01-01T00:00:00"}):
        assert (await portal.http.get("/captured", params=query)).status_code == 400


def odd_mail(port: int) -> None:
    for content in (
        b"no header at all",
        b"Subject: \xff\xfe\r\nMessage-ID: <odd-1@t>\r\n\r\n\xff\xfe bytes",
        b"Content-Type: text/plain; charset=nonsense\r\nMessage-ID: <odd-2@t>\r\n\r\nbody",
        b"Content-Type: multipart/mixed; boundary=x\r\nMessage-ID: <odd-3@t>\r\n\r\n--x\r\n--x--",
        b"Subject: =?utf-8?b?zzzz?=\r\ntraceparent: nonsense\r\n\r\nbody",
    ):
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as connection:
            connection.ehlo()
            connection.mail("a@example.com")
            connection.rcpt("odd@example.com")
            code, _ = connection.data(content)
            assert code in (250, 554)


async def test_odd_mail_never_breaks_the_server(portal: Post) -> None:
    await asyncio.to_thread(odd_mail, portal.port)
    found = await portal.captured(to="odd@example.com")
    assert len(found) >= 3
    await portal.send(email())
    assert (await portal.http.get("/captured", headers={"Accept": "text/html"})).status_code == 200


async def test_a_second_recipient_is_asked_to_come_by_itself(portal: Post) -> None:
    mail = email(to="ada@example.com, bob@example.com")
    refused, _ = await aiosmtplib.send(mail, hostname="127.0.0.1", port=portal.port)
    assert [response.code for response in refused.values()] == [452]
    assert [each["to"] for each in await portal.captured()] == ["ada@example.com"]
