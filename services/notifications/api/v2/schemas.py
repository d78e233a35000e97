"""Requests as JSON Schema (draft 7), as in the original: the validator's words are part of Notify's error texts."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from jsonschema import Draft7Validator, FormatChecker, ValidationError

from services.notifications.domain.recipients import InvalidEmailAddress, InvalidPhoneNumber, email_address, phone
from services.notifications.domain.refusals import Refusal

Schema = dict[str, Any]
_formats = FormatChecker(formats=())
_HTTPS = re.compile(r"https://[A-Za-z0-9.\-:]+([/?#][!-;=?-~]*)?")


@_formats.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(UUID(value))


@_formats.checks("phone_number", raises=InvalidPhoneNumber)
def _is_phone_number(value: object) -> bool:
    return not isinstance(value, str) or bool(phone(value))


@_formats.checks("email_address", raises=InvalidEmailAddress)
def _is_email_address(value: object) -> bool:
    return not isinstance(value, str) or bool(email_address(value))


@_formats.checks("https_url")
def _is_https_url(value: object) -> bool:
    return not isinstance(value, str) or (len(value) <= 2000 and _HTTPS.fullmatch(value) is not None)


_UUID: Schema = {"type": "string", "format": "uuid", "validationMessage": "is not a valid UUID"}
MOST_FAULTS = 100
_LONGEST_TEXT = 3_000
"""The longest text of a fault, because the validator quotes the request."""
_COUNTS = ("maxProperties", "maxItems")
_VALUE: Schema = {"type": ["string", "number", "boolean", "null", "array", "object"]}
_COMMON: Schema = {
    "reference": {"type": "string", "maxLength": 1000},
    "template_id": _UUID,
    "personalisation": {"type": "object", "maxProperties": 1000, "propertyNames": {"maxLength": 500}, "additionalProperties": _VALUE},
}
SEND_SMS: Schema = {
    "type": "object",
    "title": "SendSms",
    "properties": {**_COMMON, "phone_number": {"type": "string", "format": "phone_number"}, "sms_sender_id": _UUID},
    "required": ["phone_number", "template_id"],
    "additionalProperties": False,
}
SEND_EMAIL: Schema = {
    "type": "object",
    "title": "SendEmail",
    "properties": {
        **_COMMON,
        "email_address": {"type": "string", "format": "email_address"},
        "email_reply_to_id": _UUID,
        "one_click_unsubscribe_url": {"type": "string", "format": "https_url", "validationMessage": "is not a valid https url"},
        "sanitise_content_for": {"type": ["array", "null"], "maxItems": 1000, "items": {"type": "string", "maxLength": 500}},
    },
    "required": ["email_address", "template_id"],
    "additionalProperties": False,
}
PREVIEW: Schema = {
    "type": "object",
    "title": "PreviewTemplate",
    "properties": {"id": _UUID, "personalisation": _COMMON["personalisation"]},
    "required": ["id"],
}
STATUSES = (
    "cancelled",
    "created",
    "sending",
    "sent",
    "delivered",
    "pending",
    "failed",
    "technical-failure",
    "temporary-failure",
    "permanent-failure",
    "pending-virus-check",
    "validation-failed",
    "virus-scan-failed",
    "returned-letter",
    "accepted",
    "received",
)
TYPES = ("email", "sms", "letter")
LIST_NOTIFICATIONS: Schema = {
    "type": "object",
    "properties": {
        "reference": {"type": "string", "maxLength": 1000},
        "status": {"type": "array", "items": {"enum": list(STATUSES)}},
        "template_type": {"type": "array", "items": {"enum": list(TYPES)}},
        "include_jobs": {"enum": ["true", "True"]},
        "older_than": _UUID,
    },
    "additionalProperties": False,
}
LIST_TEMPLATES: Schema = {"type": "object", "properties": {"type": {"enum": list(TYPES)}}, "additionalProperties": False}
NOTIFICATION_ID: Schema = {"type": "object", "properties": {"notification_id": _UUID}}
TEMPLATE_ID: Schema = {"type": "object", "properties": {"id": _UUID, "version": {"type": "integer", "minimum": 1, "maximum": 2**31}}}


def checked(value: Any, schema: Schema) -> dict[str, Any]:
    """Return the value if it conforms to the schema. Refuses it with one text for each fault."""
    faults = list(islice(_texts(value, schema), MOST_FAULTS))
    if faults:
        raise Refusal.invalid(*faults)
    return dict(value)


def as_object(value: Any) -> dict[str, Any]:
    """Return the value if it is a JSON object; refuse it if not."""
    return checked(value, {"type": "object"})


def _texts(value: Any, schema: Schema) -> Iterator[str]:
    for fault in Draft7Validator(schema, format_checker=_formats).iter_errors(value):
        field = str(fault.path[0]) if fault.path else ""
        if fault.validator in _COUNTS:  # do not validate the items of an overlong value
            yield f"{field} has more than {fault.validator_value} entries".strip()
            return
        yield f"{field} {_text(fault)}".strip()[:_LONGEST_TEXT]


def _text(fault: ValidationError) -> str:
    if isinstance(fault.schema, dict) and "validationMessage" in fault.schema:
        return str(fault.schema["validationMessage"])
    return str(fault.cause or fault.message)


def body_of(schema: Schema) -> dict[str, Any]:
    """Return the request body for the OpenAPI document."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def query_of(schema: Schema) -> dict[str, Any]:
    """Return the query's parameters for the OpenAPI document."""
    return {"parameters": [{"in": "query", "name": name, "required": False, "schema": one} for name, one in schema["properties"].items()]}
