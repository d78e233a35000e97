"""The platform's own messages belong to no borough: no borough's token can see, change or detect them."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from notifications_python_client.notifications import NotificationsAPIClient

from tests.notifications.conftest import OTHERS_TEMPLATE, SEED, Client, soon
from tests.support.security_events import recording
from tests.support.tokens import Tokens

PLATFORM, CODE_TEMPLATE, SECRET = (str(uuid4()) for _ in range(3))
SCOPE = "notifications:template:write"
BODY = "Your sign-in code is:\n\n# ((code))"
SIGN_IN = {
    "id": PLATFORM,
    "name": "Sign in",
    "borough": None,
    "from_address": "identity@blocks.example",
    "keys": [{"name": "identity", "type": "live", "secret": SECRET}],
    "templates": [{"id": CODE_TEMPLATE, "name": "Sign-in code", "type": "email", "subject": "Your code", "body": BODY}],
}


@pytest.fixture
def seed(tmp_path: Path) -> Callable[..., str]:
    """`seed(borough=...)`: a seed file whose sign-in service is the platform's, or a borough's as in earlier versions."""

    def write(**over: Any) -> str:
        file = tmp_path / f"seed-{uuid4().hex}.json"
        file.write_text(json.dumps({"services": [*copy.deepcopy(SEED["services"]), {**SIGN_IN, **over}]}))
        return str(file)

    return write


async def test_no_boroughs_token_sees_or_changes_the_platforms_templates(start: Callable[..., Any], seed: Any, tokens: Tokens) -> None:
    async with start(seed_file=seed()) as block:
        http = block.running.http
        for borough in ("E09000012", "E09000007", "E09000001"):
            staff = tokens.bearer(SCOPE, borough=borough, client_id="a-borough")
            with recording() as found:
                listed = (await http.get("/v1/templates", headers=staff)).json()["templates"]
                assert CODE_TEMPLATE not in str(listed)
                assert (await http.get("/v1/templates", params={"service": PLATFORM}, headers=staff)).json() == {"templates": []}
                text = {"name": "Sign-in code", "subject": "Your code", "body": "https://evil.test/((code))"}
                new = {**text, "service": PLATFORM, "type": "email"}
                for reply, unknown in (
                    (
                        await http.get(f"/v1/templates/{CODE_TEMPLATE}", headers=staff),
                        await http.get(f"/v1/templates/{uuid4()}", headers=staff),
                    ),
                    (
                        await http.post(f"/v1/templates/{CODE_TEMPLATE}/versions", json=text, headers=staff),
                        await http.post(f"/v1/templates/{uuid4()}/versions", json=text, headers=staff),
                    ),
                    (
                        await http.post("/v1/templates", json=new, headers=staff),
                        await http.post("/v1/templates", json={**new, "service": str(uuid4())}, headers=staff),
                    ),
                ):
                    assert reply.status_code == 404
                    assert _told(reply) == _told(unknown), "what is there and what is not are answered alike"
            assert found.counted == {("other_borough", "template"): 2, ("other_borough", "service"): 1}
        staff = tokens.bearer(SCOPE, borough=None)
        assert (await http.get("/v1/templates", headers=staff)).status_code == 403
        assert (await http.get(f"/v1/templates/{CODE_TEMPLATE}", headers=staff)).status_code == 403
        client = Client(NotificationsAPIClient(f"identity-{PLATFORM}-{SECRET}", base_url=block.running.url))
        sent = await client.send_email_notification("ada@example.com", CODE_TEMPLATE, {"code": "12345678"})
        assert "12345678" in sent["content"]["body"]

        async def arrived() -> bool:
            return "ada@example.com" in block.mail.recipients

        await soon(arrived)


async def test_what_a_borough_did_to_it_before_is_undone(start: Callable[..., Any], seed: Any, tokens: Tokens) -> None:
    async with start(seed_file=seed(borough="E09000012")) as block:
        staff = tokens.bearer(SCOPE)
        text = {"name": "Sign-in code", "subject": "Your code", "body": "https://evil.test/((code))"}
        assert (await block.running.http.post(f"/v1/templates/{CODE_TEMPLATE}/versions", json=text, headers=staff)).status_code == 201
    async with start(seed_file=seed()) as block:
        client = Client(NotificationsAPIClient(f"identity-{PLATFORM}-{SECRET}", base_url=block.running.url))
        template = await client.get_template(CODE_TEMPLATE)
        assert (template["version"], template["body"]) == (3, BODY)
        assert (await block.running.http.get(f"/v1/templates/{CODE_TEMPLATE}", headers=tokens.bearer(SCOPE))).status_code == 404


async def test_a_boroughs_own_templates_stay_as_the_borough_left_them(start: Callable[..., Any], seed: Any, tokens: Tokens) -> None:
    for _ in range(2):
        async with start(seed_file=seed()) as block:
            staff = tokens.bearer(SCOPE, borough="E09000007")
            text = {"name": "Theirs", "body": "Camden now says ((what))"}
            reply = await block.running.http.post(f"/v1/templates/{OTHERS_TEMPLATE}/versions", json=text, headers=staff)
            assert reply.json()["version"] == 2


def _told(reply: Any) -> dict[str, Any]:
    return {name: value for name, value in reply.json().items() if name != "trace_id"}
