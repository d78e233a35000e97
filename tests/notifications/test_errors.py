"""Refusals have Notify's status, error class and text; bad input never causes a 500."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from shared import clock
from tests.notifications.conftest import EMAIL_TEMPLATE, OTHER_SERVICE, SECRETS, SERVICE, SMS_TEMPLATE, Block

START_OF_A_WINDOW = datetime.fromtimestamp(time.time() // 120 * 120, UTC)
SMS, EMAIL = "/v2/notifications/sms", "/v2/notifications/email"


def token(secret: str = SECRETS["live"], *, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"iss": SERVICE, "iat": int(time.time())} | claims, secret, algorithm=algorithm)


def bearer(**over: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(**over)}"}


@pytest.fixture
async def http(block: Block) -> httpx.AsyncClient:
    return block.running.http


def errors(response: httpx.Response, status: int = 400) -> list[tuple[str, str]]:
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"status_code", "errors"}
    assert body["status_code"] == status
    return [(each["error"], each["message"]) for each in body["errors"]]


MALFORMED = (
    "Invalid token: make sure your API token matches the example at "
    "https://docs.notifications.service.gov.uk/rest-api.html#authorisation-header"
)


UNPROVEN: list[tuple[Callable[[], str | None], int, str]] = [
    (lambda: None, 401, "Unauthorized: authentication token must be provided"),
    (lambda: "Basic abc", 401, "Unauthorized: authentication bearer scheme must be used"),
    (lambda: "Bearer abc", 403, MALFORMED),
    (lambda: "Bearer " + "a" * 9000, 403, MALFORMED),
    (lambda: "Bearer e30.W10.", 403, MALFORMED),
    (lambda: f"Bearer {token(iat=time.time() - 31)}", 403, "Error: Your system clock must be accurate to within 30 seconds"),
    (lambda: f"Bearer {token(iat=time.time() + 32)}", 403, "Error: Your system clock must be accurate to within 30 seconds"),
    (lambda: f"Bearer {token(iat=True)}", 403, "Error: Your system clock must be accurate to within 30 seconds"),
    (lambda: f"Bearer {token(iss=str(uuid4()))}", 403, "Invalid token: service not found"),
    (lambda: f"Bearer {token(str(uuid4()))}", 403, "Invalid token: API key not found"),
    (lambda: f"Bearer {token(iss=OTHER_SERVICE)}", 403, "Invalid token: API key not found"),
    (lambda: f"Bearer {token(iss='me')}", 403, "Invalid token: service id is not the right data type"),
    (lambda: f"Bearer {token('x' * 64, algorithm='HS512')}", 403, "Invalid token: algorithm used is not HS256"),
    (lambda: f"Bearer {jwt.encode({'iss': SERVICE}, '', algorithm='none')}", 403, "Invalid token: algorithm used is not HS256"),
    (lambda: f"Bearer {jwt.encode({'iss': SERVICE}, SECRETS['live'])}", 403, "Invalid token: API key not found"),
    (lambda: f"Bearer {jwt.encode({'iat': 1}, SECRETS['live'])}", 403, "Invalid token: iss field not provided"),
]


async def test_who_cannot_prove_itself_is_refused_before_the_body_is_read(http: httpx.AsyncClient) -> None:
    for authorization, status, text in UNPROVEN:
        value = authorization()
        response = await http.post(SMS, content=b"{not json", headers={"Authorization": value} if value else {})
        assert errors(response, status) == [("AuthError", text)]


async def test_the_schemes_case_does_not_count_and_every_key_is_tried(http: httpx.AsyncClient) -> None:
    for scheme, kind in (("bearer", "live"), ("BEARER", "team"), ("Bearer", "test")):
        response = await http.get("/v2/templates", headers={"Authorization": f"{scheme} {token(SECRETS[kind])}"})
        assert response.status_code == 200


GOOD_SMS = {"phone_number": "07900900456", "template_id": SMS_TEMPLATE, "personalisation": {"name": "Ada"}}
GOOD_EMAIL = {"email_address": "ada@example.com", "template_id": EMAIL_TEMPLATE, "personalisation": {"name": "Ada"}}


WRONG_FIELDS: list[tuple[str, Any, list[str]]] = [
    (SMS, {}, ["phone_number is a required property", "template_id is a required property"]),
    (EMAIL, {}, ["email_address is a required property", "template_id is a required property"]),
    (SMS, {**GOOD_SMS, "template_id": "x"}, ["template_id is not a valid UUID"]),
    (SMS, {**GOOD_SMS, "bar": 1, "foo": 2}, ["Additional properties are not allowed (bar, foo were unexpected)"]),
    (SMS, {**GOOD_SMS, "personalisation": "no"}, ["personalisation no is not of type object"]),
    (SMS, {**GOOD_SMS, "reference": "r" * 1001}, [f"reference {'r' * 1001} is too long"]),
    (SMS, {**GOOD_SMS, "reference": 7}, ["reference 7 is not of type string"]),
    (SMS, {**GOOD_SMS, "phone_number": 7900900456}, ["phone_number 7900900456 is not of type string"]),
    (SMS, {**GOOD_SMS, "phone_number": "0790"}, ["phone_number Not enough digits"]),
    (SMS, {**GOOD_SMS, "phone_number": "079009001234"}, ["phone_number Too many digits"]),
    (SMS, {**GOOD_SMS, "phone_number": "07900 90045x"}, ["phone_number Must not contain letters or symbols"]),
    (SMS, {**GOOD_SMS, "phone_number": "+999 7900 900456"}, ["phone_number Not a valid country prefix"]),
    (SMS, {**GOOD_SMS, "sms_sender_id": "x"}, ["sms_sender_id is not a valid UUID"]),
    (EMAIL, {**GOOD_EMAIL, "email_address": "ada"}, ["email_address Not a valid email address"]),
    (EMAIL, {**GOOD_EMAIL, "one_click_unsubscribe_url": "http://x.example"}, ["one_click_unsubscribe_url is not a valid https url"]),
    (
        EMAIL,
        {**GOOD_EMAIL, "one_click_unsubscribe_url": "https://x.example/\r\nBcc: e@e.example"},
        ["one_click_unsubscribe_url is not a valid https url"],
    ),
    (EMAIL, {**GOOD_EMAIL, "sanitise_content_for": [1]}, ["sanitise_content_for 1 is not of type string"]),
    (EMAIL, [1], ["[1] is not of type object"]),
    (EMAIL, {**GOOD_EMAIL, "personalisation": {"name": {"a": 1}}}, ["personalisation name is not of type string"]),
    (EMAIL, {**GOOD_EMAIL, "personalisation": {"name": [["a"]]}}, ["personalisation name is not a list of strings"]),
]


async def test_wrong_fields_are_named(http: httpx.AsyncClient) -> None:
    for path, body, messages in WRONG_FIELDS:
        response = await http.post(path, json=body, headers=bearer())
        assert errors(response) == [("ValidationError", message) for message in messages]


CANNOT_BE_SENT: list[tuple[str, Any, str]] = [
    (SMS, {**GOOD_SMS, "personalisation": {}}, "Missing personalisation: name"),
    (SMS, {**GOOD_SMS, "template_id": str(uuid4())}, "Template not found"),
    (EMAIL, {**GOOD_EMAIL, "template_id": SMS_TEMPLATE}, "sms template is not suitable for email notification"),
    (SMS, {**GOOD_SMS, "personalisation": {"name": {"file": "aGk="}}}, "Can only send a file by email"),
    (SMS, {**GOOD_SMS, "phone_number": "+33612345678"}, "Cannot send to international mobile numbers"),
    (
        SMS,
        {**GOOD_SMS, "sms_sender_id": OTHER_SERVICE},
        f"sms_sender_id {OTHER_SERVICE} does not exist in database for service id {SERVICE}",
    ),
    (
        EMAIL,
        {**GOOD_EMAIL, "email_reply_to_id": OTHER_SERVICE},
        f"email_reply_to_id {OTHER_SERVICE} does not exist in database for service id {SERVICE}",
    ),
    (
        SMS,
        {**GOOD_SMS, "personalisation": {"name": "a" * 967}},
        "Your message is too long. Text messages cannot be longer than 918 characters. Your message is 973 characters long.",
    ),
]


async def test_what_cannot_be_sent_says_why(http: httpx.AsyncClient) -> None:
    for path, body, text in CANNOT_BE_SENT:
        assert errors(await http.post(path, json=body, headers=bearer())) == [("BadRequestError", text)]


async def test_a_landline_is_no_mobile(http: httpx.AsyncClient) -> None:
    response = await http.post(SMS, json={**GOOD_SMS, "phone_number": "020 7946 0018"}, headers=bearer())
    assert errors(response) == [("InvalidPhoneError", "Not a UK mobile number")]


NOT_JSON = [
    b"{",
    b"\xff\xfe{}",
    b'{"phone_number": "\xc3\x28"}',
    b"[" * 4_000,
    b'{"a":' * 4_000,
    b'{"phone_number": "\\ud800"}',
    b'{"n": ' + b"9" * 5000 + b"}",
]


async def test_what_is_not_json_is_refused(http: httpx.AsyncClient) -> None:
    for content in NOT_JSON:
        response = await http.post(SMS, content=content, headers=bearer())
        assert errors(response) == [("BadRequestError", "Invalid JSON supplied in POST data")]


async def test_more_values_than_any_message_has_are_refused_before_they_are_read(http: httpx.AsyncClient) -> None:
    for content in (b"[" * 100_000, b'{"a":' * 50_000, b"[" + b"1," * 500_000 + b"1]"):
        assert errors(await http.post(SMS, content=content, headers=bearer())) == [
            ("BadRequestError", "The body may hold at most 5000 values.")
        ]


async def test_json_that_nests_as_deep_as_it_can_be_read_is_refused_too(http: httpx.AsyncClient) -> None:
    for depth in (100, 400, 900):
        nested = "[" * depth + "]" * depth
        body = f'{{"phone_number": "07900900456", "template_id": "{SMS_TEMPLATE}", "personalisation": {{"name": {nested}}}}}'
        response = await http.post(SMS, content=body.encode(), headers=bearer())
        assert errors(response)


async def test_a_subject_that_is_too_long_and_a_body_that_is_too_large_are_refused(http: httpx.AsyncClient) -> None:
    body = {**GOOD_EMAIL, "personalisation": {"name": "x" * 3_000}}
    refused = errors(await http.post(EMAIL, json=body, headers=bearer()))
    assert refused == [
        (
            "BadRequestError",
            "Your subject is too long. Subjects cannot be longer than 2000 characters. Your subject is 3006 characters long.",
        )
    ]
    assert errors(await http.post(EMAIL, content=b" " * 5_000_001, headers=bearer()), 413)[0][0] == "BadRequestError"


ODD_VALUES = ["\x00", "a\x00b\x1b", "\ufffe", "\u202e", "😀" * 50, 1e308, float("inf"), True, 0, -0.0, [], [None], ["", " "]]


async def test_odd_values_are_sent_or_refused_and_never_break(http: httpx.AsyncClient) -> None:
    for value in ODD_VALUES:
        for path, body in ((SMS, GOOD_SMS), (EMAIL, GOOD_EMAIL)):
            content = json.dumps({**body, "personalisation": {"name": value}})
            response = await http.post(path, content=content, headers=bearer(secret=SECRETS["test"]))
            assert response.status_code in (201, 400), response.text


WRONG_IDS = [
    ("/v2/notifications/x", "notification_id is not a valid UUID"),
    ("/v2/template/x", "id is not a valid UUID"),
    (f"/v2/template/{EMAIL_TEMPLATE}/version/x", "version x is not of type integer"),
    (f"/v2/template/{EMAIL_TEMPLATE}/version/0", "version 0 is less than the minimum of 1"),
    ("/v2/templates?type=fax", "type fax is not one of [email, sms, letter]"),
    ("/v2/notifications?older_than=x", "older_than is not a valid UUID"),
    ("/v2/notifications?what=x", "Additional properties are not allowed (what was unexpected)"),
    ("/v2/notifications?template_type=fax", "template_type fax is not one of [email, sms, letter]"),
]


async def test_wrong_ids_and_filters_are_named(http: httpx.AsyncClient) -> None:
    for path, text in WRONG_IDS:
        assert errors(await http.get(path, headers=bearer())) == [("ValidationError", text)]


async def test_an_unknown_status_is_told_the_known_ones(http: httpx.AsyncClient) -> None:
    found = errors(await http.get("/v2/notifications?status=elephant&status=sent", headers=bearer()))
    assert found[0][1].startswith("status elephant is not one of [cancelled, created, sending, sent, delivered,")


async def test_what_is_not_there_is_not_found(http: httpx.AsyncClient) -> None:
    for path in (f"/v2/notifications/{uuid4()}", f"/v2/template/{uuid4()}", f"/v2/template/{EMAIL_TEMPLATE}/version/9"):
        assert errors(await http.get(path, headers=bearer()), 404) == [("NoResultFound", "No result found")]


async def test_unknown_paths_answer_in_the_same_shape(http: httpx.AsyncClient) -> None:
    for method, path in (("POST", "/v2/notifications/fax"), ("GET", "/v2/nothing"), ("DELETE", "/v2/templates")):
        assert errors(await http.request(method, path, headers=bearer()), 404)


async def test_too_many_calls_are_refused_by_service_and_kind_of_key(start: Callable[..., Any]) -> None:
    async with start(rate_burst=2, rate_per_minute=1) as block:
        http = block.running.http
        with clock.at(START_OF_A_WINDOW):
            replies = [await http.post(SMS, content=b"x", headers=bearer(iat=int(START_OF_A_WINDOW.timestamp()))) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [400, 400, 429]
        assert errors(replies[-1], 429) == [("RateLimitError", "Exceeded rate limit for key type LIVE of 1 requests per 60 seconds")]
        assert replies[-1].headers["Retry-After"] == "120", "two calls at once, one a minute: two are free again after two minutes"
        assert (await http.post(SMS, content=b"x", headers=bearer(secret=SECRETS["team"]))).status_code == 400


async def test_a_repeated_request_with_an_idempotency_key_is_one_message(http: httpx.AsyncClient, block: Block) -> None:
    key = {"Idempotency-Key": "journey-1"}
    first = await http.post(SMS, json=GOOD_SMS, headers=bearer() | key)
    again = await http.post(SMS, json=GOOD_SMS, headers=bearer() | key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = await http.post(SMS, json={**GOOD_SMS, "reference": "x"}, headers=bearer() | key)
    assert errors(other, 422)
    by_another_key = await http.post(SMS, json=GOOD_SMS, headers=bearer(secret=SECRETS["test"]) | key)
    assert by_another_key.json()["id"] != first.json()["id"]
    listed = (await http.get("/v2/notifications", headers=bearer())).json()["notifications"]
    assert [each["id"] for each in listed] == [first.json()["id"]]


async def test_an_idempotency_key_does_not_answer_who_cannot_prove_itself(http: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "journey-2"}
    await http.post(SMS, json=GOOD_SMS, headers=bearer() | key)
    forged = base64.b64encode(b"x").decode()
    assert errors(await http.post(SMS, json=GOOD_SMS, headers={"Authorization": f"Bearer {forged}"} | key), 403)


async def test_tokens_made_to_break_their_reader_are_refused(http: httpx.AsyncClient) -> None:
    header, payload, signature = token().split(".")
    deep = base64.urlsafe_b64encode(b"[" * 2_500).decode().rstrip("=")
    for hostile in (f"{deep}.{payload}.{signature}", f"{header}.{deep}.{signature}", token(iat=int("9" * 400)), token(iat=float("nan"))):
        response = await http.get("/v2/notifications", headers={"Authorization": f"Bearer {hostile}"})
        assert errors(response, 403)[0][0] == "AuthError"


async def test_a_client_that_hangs_up_is_no_error_of_ours(block: Block, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    head = f"POST {SMS} HTTP/1.1\r\nHost: a\r\nAuthorization: {bearer()['Authorization']}\r\nContent-Length: 1000\r\n\r\n"
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", block.settings.port)
        writer.write(head.encode() + b'{"phone_number":')
        await writer.drain()
        assert (await http.get("/live")).status_code == 200  # the service has read the head
        writer.close()
        await writer.wait_closed()
    for _ in range(3):
        assert (await http.get("/v2/templates", headers=bearer())).status_code == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
