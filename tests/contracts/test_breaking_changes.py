"""The check names a change that breaks a consumer, and accepts a compatible one."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field, create_model

from deploy.contracts.breaks import breaks


class Base(BaseModel):
    """An event's payload before the change."""

    share: str
    recipient: str
    status: Literal["delivered", "refused"]
    count: int = Field(ge=0)
    at: datetime
    parties: tuple[str, ...]
    reference: str | None = None


def changed(**fields: Any) -> type[BaseModel]:
    """Return the payload with changed fields, or without them (None)."""
    kept: dict[str, Any] = {name: (info.annotation, info) for name, info in Base.model_fields.items()} | fields
    made: type[BaseModel] = create_model("Base", **{name: field for name, field in kept.items() if field is not None})
    return made


def event_breaks(after: type[BaseModel], before: type[BaseModel] = Base) -> list[str]:
    path = "schemas/x.share.delivered.v1.json"
    return breaks({path: before.model_json_schema(mode="serialization")}, {path: after.model_json_schema(mode="serialization")})


def test_the_same_contract_breaks_nothing():
    assert event_breaks(Base) == []


def test_a_new_optional_field_breaks_nothing():
    assert event_breaks(changed(purpose=(str | None, None))) == []


def test_another_description_breaks_nothing():
    assert event_breaks(changed(share=(str, Field(description="Said better.")))) == []


@pytest.mark.parametrize(
    ("fields", "direction", "named"),
    [
        ({"recipient": None}, "an old reader", "recipient: is needed and not given"),
        ({"recipient": (str | None, None)}, "an old reader", "recipient: is needed and may be missing"),
        ({"recipient": (str | None, ...)}, "an old reader", "recipient: was string, would be string or null"),
        ({"count": (str, ...)}, "an old reader", "count: was integer"),
        ({"count": (int, ...)}, "an old reader", "count: was integer (minimum 0), would be integer"),
        ({"count": (int, Field(ge=1))}, "a new reader", "count"),
        ({"at": (date, ...)}, "an old reader", "at: was string"),
        ({"at": (str, ...)}, "an old reader", "at: was string"),
        ({"parties": (tuple[int, ...], ...)}, "an old reader", "parties[]: was string, would be integer"),
        ({"status": (Literal["delivered", "refused", "lost"], ...)}, "an old reader", "status: was one of delivered, refused"),
        ({"status": (Literal["delivered"], ...)}, "a new reader", "status"),
        ({"purpose": (str, ...)}, "a new reader", "purpose: is needed and not given"),
    ],
    ids=[
        "removed field",
        "required field now optional",
        "field now nullable",
        "changed type",
        "wider number",
        "narrower number",
        "changed format",
        "format dropped",
        "changed item type",
        "widened enum",
        "narrowed enum",
        "new required field",
    ],
)
def test_a_break_of_an_event_is_named(fields, direction, named):
    found = event_breaks(changed(**fields))
    assert any(one.startswith(f"event x.share.delivered.v1: {direction}") and named in one for one in found), found


def test_a_narrowed_enum_is_no_break_for_old_readers():
    assert not [one for one in event_breaks(changed(status=(Literal["delivered"], ...))) if "old reader" in one]


def test_a_widened_enum_is_no_break_for_old_events():
    assert not [one for one in event_breaks(changed(status=(Literal["delivered", "refused", "lost"], ...))) if "new reader" in one]


def test_an_enum_class_behind_a_reference_is_compared():
    class Channel(StrEnum):
        EMAIL = "email"

    class Wider(StrEnum):
        EMAIL = "email"
        FAX = "fax"

    before, after = create_model("M", channel=(Channel, ...)), create_model("M", channel=(Wider, ...))
    assert event_breaks(before, before) == []
    assert event_breaks(after, before) == [
        "event x.share.delivered.v1: an old reader cannot read new events, channel: was one of email, would be one of email, fax"
    ]


def test_an_event_that_is_gone_is_named():
    assert breaks({"schemas/x.v1.json": Base.model_json_schema()}, {}) == ["event x.v1: is no longer published"]


class Thing(BaseModel):
    name: str
    note: str | None = None


class ThingWithColour(Thing):
    colour: str


class ThingWithoutNote(BaseModel):
    name: str


class Numbered(BaseModel):
    name: int


def api(
    *, answer: Any = Thing, body: Any = Thing, path: str = "/things", status: int = 201, limit: Any = int, needed: bool = False
) -> dict[str, Any]:
    async def create(thing: Any, limit: Any) -> None:
        raise AssertionError("never called")

    create.__annotations__ = {"thing": body, "limit": limit}
    create.__defaults__ = None if needed else (10,)
    app = FastAPI()
    app.post(path, status_code=status, response_model=answer)(create)
    return app.openapi()


def api_breaks(after: dict[str, Any]) -> list[str]:
    return breaks({"openapi/x.json": api()}, {"openapi/x.json": after})


def test_the_same_api_breaks_nothing():
    assert api_breaks(api()) == []


def test_a_field_more_in_an_answer_breaks_nothing():
    assert api_breaks(api(answer=ThingWithColour)) == []


@pytest.mark.parametrize(
    ("after", "named"),
    [
        (api(path="/objects"), "POST /things: is gone"),
        (api(needed=True), "query parameter limit is now required"),
        (api(limit=bool), "query parameter limit, the value: was boolean, would be integer"),
        (api(body=ThingWithColour), "request colour: is needed and not given"),
        (api(body=Numbered), "request name: was integer, would be string"),
        (api(answer=Numbered), "201 answer name: was string, would be integer"),
        (api(answer=ThingWithoutNote, status=200), "never answers 201 any more"),
    ],
    ids=["path", "required parameter", "parameter type", "required body field", "body type", "answer type", "status"],
)
def test_a_break_of_an_api_is_named(after, named):
    found = api_breaks(after)
    assert f"x API: POST /things: {named}".replace("POST /things: POST", "POST") in found, found


def test_an_api_that_is_gone_is_named_call_by_call():
    assert breaks({"openapi/x.json": api()}, {}) == ["x API: POST /things: is gone"]
