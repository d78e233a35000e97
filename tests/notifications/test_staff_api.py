"""Staff make and revise templates of their own borough's services."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.notifications.conftest import EMAIL_TEMPLATE, OTHER_SERVICE, OTHERS_TEMPLATE, SERVICE, Block
from tests.support.tokens import Tokens

SCOPE = "notifications:template:write"
NEW = {"service": SERVICE, "type": "email", "name": "New", "subject": "S ((a))", "body": "B ((b))"}


async def test_a_template_is_made_revised_and_used(block: Block, tokens: Tokens) -> None:
    http, staff = block.running.http, tokens.bearer(SCOPE)
    made = await http.post("/v1/templates", json=NEW, headers=staff)
    assert made.status_code == 201, made.text
    template = made.json()
    assert (template["version"], template["placeholders"]) == (1, ["a", "b"])
    path = f"/v1/templates/{template['id']}"
    text = {"name": "New", "subject": "Second", "body": "Again ((b))"}
    revised = await http.post(f"{path}/versions", json=text, headers=staff)
    assert (revised.status_code, revised.json()["version"]) == (201, 2)
    assert (await http.post(f"{path}/versions", json=text, headers=staff)).json()["version"] == 2
    read = (await http.get(path, headers=staff)).json()
    assert (read["version"], read["subject"], read["body"]) == (2, "Second", "Again ((b))")
    sent = await block.client().send_email_notification("ada@example.com", template["id"], {"b": "x"})
    assert (sent["template"]["version"], sent["content"]["body"]) == (2, "Again x")
    assert (await block.client().get_template_version(template["id"], 1))["body"] == "B ((b))"
    listed = (await http.get("/v1/templates", params={"service": SERVICE}, headers=staff)).json()["templates"]
    assert [each["name"] for each in listed] == ["A hello", "B hello", "New"]


async def test_versions_made_at_once_are_all_kept(block: Block, tokens: Tokens) -> None:
    http, staff = block.running.http, tokens.bearer(SCOPE)
    path = f"/v1/templates/{EMAIL_TEMPLATE}/versions"
    replies = await asyncio.gather(
        *(http.post(path, json={"name": "N", "subject": "S", "body": f"text {n}"}, headers=staff) for n in range(5))
    )
    assert sorted(reply.json()["version"] for reply in replies) == [2, 3, 4, 5, 6]
    versions = (await block.client().get_all_template_versions(EMAIL_TEMPLATE))["versions"]
    assert [each["version"] for each in versions] == [6, 5, 4, 3, 2, 1]
    assert (await block.client().get_template(EMAIL_TEMPLATE))["version"] == 6


async def test_another_boroughs_services_and_templates_are_not_there(block: Block, tokens: Tokens) -> None:
    http, staff = block.running.http, tokens.bearer(SCOPE)
    assert (await http.post("/v1/templates", json={**NEW, "service": OTHER_SERVICE}, headers=staff)).status_code == 404
    assert (await http.get(f"/v1/templates/{OTHERS_TEMPLATE}", headers=staff)).status_code == 404
    text = {"name": "N", "body": "text"}
    assert (await http.post(f"/v1/templates/{OTHERS_TEMPLATE}/versions", json=text, headers=staff)).status_code == 404
    assert (await http.get("/v1/templates", params={"service": OTHER_SERVICE}, headers=staff)).json() == {"templates": []}


async def test_without_the_scope_nothing_is_shown(block: Block, tokens: Tokens) -> None:
    http = block.running.http
    assert (await http.get("/v1/templates")).status_code == 401
    assert (await http.get("/v1/templates", headers=tokens.bearer("notifications:message:send"))).status_code == 403


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"service": "x"}, "body.service"),
    ({"type": "fax"}, "body.type"),
    ({"body": ""}, "body.body"),
    ({"body": "x" * 500_001}, "body.body"),
    ({"name": 7}, "body.name"),
    ({"extra": 1}, "body.extra"),
    ({"subject": None}, "body"),
    ({"type": "sms"}, "body"),
    ({"service": str(uuid4())}, "body.service"),
]


async def test_a_wrong_field_is_named(block: Block, tokens: Tokens) -> None:
    for change, field in WRONG:
        reply = await block.running.http.post("/v1/templates", json=NEW | change, headers=tokens.bearer(SCOPE))
        assert reply.status_code in (400, 404)
        assert reply.json()["errors"][0]["field"] == field
