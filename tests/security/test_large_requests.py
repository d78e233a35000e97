"""Large requests within the limits on the embedded database: each is answered, and so are small ones meanwhile."""

import asyncio
import json
import random
import string
import time
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from cryptography.fernet import Fernet
from pydantic import SecretStr

from services.notifications.domain.templates import MAX_HTML_BYTES
from services.notifications.service import build
from services.notifications.settings import Settings
from tests.notifications.conftest import SECRETS, SEED, SERVICE
from tests.notifications.test_errors import bearer
from tests.support.service_runner import RunningService, free_port, run_service

EMAIL = "/v2/notifications/email"
STAFF = "notifications:template:write"
ALLOWED = {201, 400, 503}
"""Accepted, refused with a reason, or asked to retry."""


@pytest_asyncio.fixture
async def notifications(settings, tmp_path) -> AsyncIterator[RunningService]:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED))
    secret = SecretStr(Fernet.generate_key().decode())
    nobody = free_port()  # a test key simulates the delivery
    async with run_service(build(settings(Settings, secret_key=secret, seed_file=str(seed), smtp_port=nobody))) as running:
        yield running


async def template(running: RunningService, tokens, body: str, subject: str = "Long") -> str:
    """Create an email template and return its id."""
    new = {"service": SERVICE, "type": "email", "name": "Long", "subject": subject, "body": body}
    made = await running.http.post("/v1/templates", json=new, headers=tokens.bearer(STAFF))
    return str(made.raise_for_status().json()["id"])


async def send(running: RunningService, template_id: str, **values: object) -> httpx.Response:
    body = {"email_address": "a@example.com", "template_id": template_id, "personalisation": values}
    return await running.http.post(EMAIL, json=body, headers=bearer(secret=SECRETS["test"]), timeout=60)


def words(size: int) -> str:
    """Return a text that does not compress."""
    return "".join(random.Random(size).choices(string.ascii_letters + "    ", k=size))


async def test_emails_within_the_stated_limit_are_taken(notifications, tokens):
    long = await template(notifications, tokens, "((text))")
    for size in (1_000_000, 1_500_000, 1_900_000):
        answer = await send(notifications, long, text=words(size))
        assert answer.status_code == 201, answer.text[:300]
    too_long = await send(notifications, long, text=words(2_000_001))
    assert too_long.status_code == 400
    assert "Emails cannot be longer than 2000000 bytes" in too_long.text


async def test_html_that_grows_is_limited(notifications, tokens):
    long = await template(notifications, tokens, "((text))")
    answer = await send(notifications, long, text='"' * 1_500_000)
    assert answer.status_code == 400
    assert f"As HTML, emails cannot be longer than {MAX_HTML_BYTES} bytes" in answer.text


async def test_a_short_template_that_repeats_a_long_value_is_refused_before_it_is_written(notifications, tokens):
    many = await template(notifications, tokens, "((text)) " * 10_000)
    answer = await send(notifications, many, text=words(100_000))
    assert answer.status_code == 400
    assert "Your message is 1000009999 bytes" in answer.text


async def test_many_large_emails_at_once_are_answered_and_so_are_small_requests(notifications, tokens):
    long = await template(notifications, tokens, "((text))")
    sending = asyncio.gather(*(send(notifications, long, text=words(1_500_000 + number)) for number in range(12)))
    while not sending.done():
        began = time.thread_time()  # processor time of the event loop's thread
        assert (await notifications.http.get("/live")).status_code == 200
        assert time.thread_time() - began < 5
        await asyncio.wait({sending}, timeout=0.1)
    answers = await sending
    assert {answer.status_code for answer in answers} <= ALLOWED
    assert sum(answer.status_code == 201 for answer in answers) >= 2
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
    assert (await notifications.http.get("/ready")).json()["database"] is True
    assert (await send(notifications, long, text="short")).status_code == 201
