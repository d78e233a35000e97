"""GOV.UK Notify's Python client sends and reads messages, unmodified."""

import asyncio
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from notifications_python_client.errors import HTTPError

from tests.notifications.conftest import (
    EMAIL_TEMPLATE,
    OTHERS_TEMPLATE,
    REPLY_TO,
    SERVICE,
    SMS_SENDER,
    SMS_TEMPLATE,
    Block,
    soon,
)


async def status_of(block: Block, notification: str) -> str:
    found = await block.client().get_notification_by_id(notification)
    return str(found["status"])


async def until(block: Block, notification: str, status: str) -> dict[str, Any]:
    async def reached() -> bool:
        return await status_of(block, notification) == status

    await soon(reached)
    found: dict[str, Any] = await block.client().get_notification_by_id(notification)
    return found


async def test_an_email_is_sent_and_read(block: Block) -> None:
    sent = await block.client().send_email_notification(
        "Ada@Example.com",
        EMAIL_TEMPLATE,
        personalisation={"name": "Ada <3 £"},
        reference="move-1",
        email_reply_to_id=REPLY_TO,
        one_click_unsubscribe_url="https://hackney.example/stop?t=1",
    )
    url = block.settings.public_url
    assert sent["reference"] == "move-1"
    assert sent["content"] == {
        "subject": "Hello Ada <3 £",
        "body": "# Hello Ada <3 £\n\nWelcome.",
        "from_email": "moves@hackney.example",
        "one_click_unsubscribe_url": "https://hackney.example/stop?t=1",
    }
    assert sent["uri"] == f"{url}/v2/notifications/{sent['id']}"
    assert sent["template"] == {"id": EMAIL_TEMPLATE, "version": 1, "uri": f"{url}/services/{SERVICE}/templates/{EMAIL_TEMPLATE}"}
    assert sent["scheduled_for"] is None

    read = await until(block, sent["id"], "delivered")
    assert read["email_address"] == "Ada@Example.com"
    assert read["phone_number"] is None
    assert read["type"] == "email"
    assert read["subject"] == "Hello Ada <3 £"
    assert read["template"]["uri"] == f"{url}/v2/template/{EMAIL_TEMPLATE}/version/1"
    assert read["completed_at"].endswith("Z")
    assert read["one_click_unsubscribe_url"] == "https://hackney.example/stop?t=1"
    for name in ("line_1", "line_6", "postcode", "postage", "scheduled_for", "created_by_name"):
        assert read[name] is None

    mail = message_from_bytes(block.mail.taken[0], policy=default)
    assert block.mail.recipients == ["ada@example.com"]
    assert mail["Message-ID"] == f"<{sent['id']}@notifications.localhost>"
    assert mail["Subject"] == "Hello Ada <3 £"
    assert mail["From"] == "Hackney Moves <moves@hackney.example>"
    assert mail["Reply-To"] == "answers@hackney.example"
    assert mail["List-Unsubscribe"] == "<https://hackney.example/stop?t=1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, html = (str(part.get_content()) for kind in ("plain", "html") if (part := mail.get_body((kind,))))
    assert plain.startswith("Hello Ada <3 £")
    assert "Hello Ada &lt;3 £</h2>" in html


async def test_a_text_is_sent_and_read(block: Block) -> None:
    sent = await block.client().send_sms_notification("07900 900 456", SMS_TEMPLATE, personalisation={"Name": "“Ada”"})
    assert sent["content"] == {"body": 'Hackney Moves: Hello "Ada"', "from_number": "LONDON"}
    read = await until(block, sent["id"], "delivered")
    assert read["phone_number"] == "07900 900 456"
    assert read["cost_details"] == {"billable_sms_fragments": 1}
    assert block.texts.texts == [
        {
            "dedupe_key": sent["id"],
            "notification_id": sent["id"],
            "to": "447900900456",
            "from": "LONDON",
            "body": 'Hackney Moves: Hello "Ada"',
        }
    ]


async def test_a_sender_of_its_own_takes_the_place_of_the_services_name(block: Block) -> None:
    sent = await block.client().send_sms_notification("07900900456", SMS_TEMPLATE, {"name": "Ada"}, sms_sender_id=SMS_SENDER)
    assert sent["content"] == {"body": "Hello Ada", "from_number": "HACKNEY"}


async def test_sanitised_content_is_reported(block: Block) -> None:
    sent = await block.client().send_email_notification(
        "ada@example.com", EMAIL_TEMPLATE, {"name": "[x](https://evil.example)"}, sanitise_content_for=["name"]
    )
    assert sent["sanitised_content"] == {"name": {"unsanitised": "[x](https://evil.example)", "sanitised": "\\[x\\]\\(\\)"}}


async def test_templates_are_read_listed_and_previewed(block: Block) -> None:
    client = block.client()
    template = await client.get_template(EMAIL_TEMPLATE)
    assert template["personalisation"] == {"name": {"required": True}}
    assert (template["version"], template["type"], template["name"]) == (1, "email", "A hello")
    assert await client.get_template_version(EMAIL_TEMPLATE, 1) == template
    assert [each["id"] for each in (await client.get_all_templates())["templates"]] == [EMAIL_TEMPLATE, SMS_TEMPLATE]
    assert [each["id"] for each in (await client.get_all_templates("sms"))["templates"]] == [SMS_TEMPLATE]
    assert (await client.get_all_template_versions(EMAIL_TEMPLATE))["versions"] == [template]
    preview = await client.post_template_preview(EMAIL_TEMPLATE, {"name": "Ada"})
    assert preview["subject"] == "Hello Ada"
    assert "Hello Ada</h2>" in preview["html"]
    assert set(preview) == {"id", "type", "version", "body", "html", "subject", "postage"}
    sms = await client.post_template_preview(SMS_TEMPLATE, {"name": "Ada"})
    assert (sms["body"], sms["html"], sms["subject"]) == ("Hackney Moves: Hello Ada", None, None)


async def test_a_list_goes_on_page_by_page(block: Block) -> None:
    client = block.client()
    sent = [
        (await client.send_sms_notification("07900900456", SMS_TEMPLATE, {"name": str(number)}, reference=f"r{number % 2}"))["id"]
        for number in range(5)
    ]
    page = await client.get_all_notifications()
    assert [each["id"] for each in page["notifications"]] == sent[::-1]
    assert page["links"]["current"] == f"{block.settings.public_url}/v2/notifications"
    assert page["links"]["next"].endswith(f"older_than={sent[0]}")
    older = await client.get_all_notifications(older_than=sent[2])
    assert [each["id"] for each in older["notifications"]] == [sent[1], sent[0]]
    last = await client.get_all_notifications(older_than=sent[0])
    assert last["notifications"] == []
    assert "next" not in last["links"]
    assert [each["id"] for each in (await client.get_all_notifications(reference="r1"))["notifications"]] == [sent[3], sent[1]]
    assert (await client.get_all_notifications(template_type="email"))["notifications"] == []
    assert (await client.get_all_notifications(status="failed"))["notifications"] == []
    assert (await client.get_all_notifications(status="received"))["notifications"] == []
    for notification in sent:
        await until(block, notification, "delivered")
    assert len((await client.get_all_notifications(status="delivered"))["notifications"]) == 5
    iterated = await client.get_all_notifications_iterator()
    assert [each["id"] for each in await asyncio.to_thread(list, iterated)] == sent[::-1]


async def test_a_list_holds_what_the_same_kind_of_key_sent_and_an_id_what_any_did(block: Block) -> None:
    sent = await block.client("test").send_sms_notification("07900900456", SMS_TEMPLATE, {"name": "Ada"})
    assert (await block.client().get_all_notifications())["notifications"] == []
    assert (await block.client().get_notification_by_id(sent["id"]))["id"] == sent["id"]


async def test_a_test_key_simulates_what_becomes_of_a_message(block: Block) -> None:
    client = block.client("test")
    sent = {
        (await client.send_sms_notification(recipient, SMS_TEMPLATE, {"name": "Ada"}))["id"]: status
        for recipient, status in (
            ("07700900003", "temporary-failure"),
            ("07700900002", "permanent-failure"),
            ("07900900456", "delivered"),
        )
    }
    for recipient, status in (("temp-fail@simulator.notify", "temporary-failure"), ("perm-fail@simulator.notify", "permanent-failure")):
        sent[(await client.send_email_notification(recipient, EMAIL_TEMPLATE, {"name": "Ada"}))["id"]] = status
    for notification, status in sent.items():
        await until(block, notification, status)
    assert block.texts.texts == []
    assert block.mail.taken == []


async def test_a_team_key_reaches_the_team_only(block: Block) -> None:
    team = block.client("team")
    await team.send_email_notification("ADA@hackney.example", EMAIL_TEMPLATE, {"name": "Ada"})
    await team.send_sms_notification("+447900900123", SMS_TEMPLATE, {"name": "Ada"})
    for send in (
        lambda: team.send_email_notification("bob@hackney.example", EMAIL_TEMPLATE, {"name": "Bob"}),
        lambda: team.send_sms_notification("07900900456", SMS_TEMPLATE, {"name": "Bob"}),
    ):
        with pytest.raises(HTTPError) as refused:
            await send()
        assert refused.value.status_code == 400
        assert refused.value.message == [{"error": "BadRequestError", "message": "Can’t send to this recipient using a team-only API key"}]


async def test_simulated_recipients_are_accepted_and_never_stored(block: Block) -> None:
    client = block.client()
    first = await client.send_sms_notification("07700 900 000", SMS_TEMPLATE, {"name": "Ada"})
    second = await client.send_email_notification("simulate-delivered-3@notifications.service.gov.uk", EMAIL_TEMPLATE, {"name": "Ada"})
    for sent in (first, second):
        with pytest.raises(HTTPError) as refused:
            await client.get_notification_by_id(sent["id"])
        assert refused.value.status_code == 404
        assert refused.value.message == [{"error": "NoResultFound", "message": "No result found"}]


async def test_another_services_things_are_not_found(block: Block) -> None:
    ours, theirs = block.client(), block.client("other")
    sent = await theirs.send_sms_notification("07900900456", OTHERS_TEMPLATE, {"what": "hi"})
    for call in (lambda: ours.get_notification_by_id(sent["id"]), lambda: ours.get_template(OTHERS_TEMPLATE)):
        with pytest.raises(HTTPError) as refused:
            await call()
        assert refused.value.status_code == 404
    with pytest.raises(HTTPError) as refused:
        await ours.send_sms_notification("07900900456", OTHERS_TEMPLATE, {"what": "hi"})
    assert refused.value.message == [{"error": "BadRequestError", "message": "Template not found"}]
