"""The questions about the new and the old address: a postcode, then a choice of its addresses, or by hand at any time."""

from typing import Literal

import httpx
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData
from starlette.responses import Response

from examples.move_home.adapters.addresses import Addresses, Premises
from examples.move_home.domain.answers import Address, Line, Postcode, Which
from examples.move_home.domain.boroughs import BOROUGHS
from shared.http import Router
from shared.pages import FormErrors

from .dependencies import Form, Lookup, failure_as_page, see_other, text_of
from .questions import Asked

router = Router(errors=failure_as_page, include_in_schema=False)

FULL_POSTCODE = "Enter a full UK postcode, like N16 5TT"
OUTSIDE = "outside"


@router.get("/move/{which}/postcode")
async def ask_postcode(which: Which, asked: Asked) -> Response:
    """Ask for the postcode."""
    return asked.page("postcode.html", which=which, postcode=asked.answers.postcodes.get(which, ""))


@router.post("/move/{which}/postcode")
async def take_postcode(which: Which, asked: Asked, form: Form) -> Response:
    """Keep the postcode, and show its addresses."""
    given = text_of(form, "postcode")
    try:
        postcode = TypeAdapter(Postcode).validate_python(given)
    except ValidationError:
        errors = FormErrors()
        errors.add("postcode", FULL_POSTCODE if given else "Enter a postcode")
        return asked.page("postcode.html", which=which, postcode=given, errors=errors)
    return await asked.keep_with(f"/move/{which}/address", postcodes=asked.answers.postcodes | {which: postcode})


@router.get("/move/{which}/address")
async def ask_address(which: Which, asked: Asked, addresses: Lookup) -> Response:
    """Let the citizen choose among the addresses at the postcode; where there are none, ask for it by hand."""
    postcode = asked.answers.postcodes.get(which)
    if postcode is None:
        return see_other(f"/move/{which}/postcode")
    found = await _found(addresses, postcode)
    if not found:
        return see_other(f"/move/{which}/by-hand?because={'down' if found is None else 'none'}")
    return asked.page("address.html", which=which, postcode=postcode, premises=found)


@router.post("/move/{which}/address")
async def take_address(which: Which, asked: Asked, form: Form, addresses: Lookup) -> Response:
    """Keep the chosen address, as the gazetteer has it."""
    postcode = asked.answers.postcodes.get(which, "")
    found = await _found(addresses, postcode)
    if not found:
        return see_other(f"/move/{which}/by-hand?because={'down' if found is None else 'none'}")
    chosen = next((premises for premises in found if premises.uprn == text_of(form, "uprn")), None)
    if chosen is None:
        errors = FormErrors()
        errors.add("uprn", "Select your address, or enter it by hand")
        return asked.page("address.html", which=which, postcode=postcode, premises=found, errors=errors)
    return await asked.keep(asked.answers.with_address(which, chosen.address))


@router.get("/move/{which}/by-hand")
async def ask_by_hand(which: Which, asked: Asked, because: Literal["down", "none"] | None = None) -> Response:
    """Ask for the address line by line."""
    values = {"postcode": asked.answers.postcodes.get(which, "")}
    return asked.page("by_hand.html", which=which, because=because, values=values, councils=_councils() if because == "down" else None)


@router.post("/move/{which}/by-hand")
async def take_by_hand(which: Which, asked: Asked, form: Form, addresses: Lookup) -> Response:
    """Keep the address; its council is the postcode's, or the one the citizen names while we cannot look it up."""
    errors = FormErrors()
    parts = [_line(form, "line1", "Enter the first line of the address", errors), _line(form, "line2", None, errors)]
    parts.append(_line(form, "town", "Enter a town or city", errors))
    try:
        postcode = TypeAdapter(Postcode).validate_python(text_of(form, "postcode"))
    except ValidationError:
        postcode = ""
        errors.add("postcode", FULL_POSTCODE)
    councils = None
    borough: str | None = None
    if not errors:
        try:
            borough = await addresses.borough_of(postcode)
        except httpx.HTTPError:
            councils = _councils()
            borough = text_of(form, "council")
            if borough not in {value for value, _ in councils}:
                errors.add("council", "Select the council of this address")
            borough = borough if borough in BOROUGHS else None
    if errors:
        down = bool(councils) or bool(text_of(form, "council"))
        return asked.page(
            "by_hand.html",
            which=which,
            because="down" if down else None,
            values=form,
            councils=_councils() if down else None,
            errors=errors,
        )
    address = Address(text=", ".join(part for part in parts if part), postcode=postcode, borough=borough)
    return await asked.keep(asked.answers.with_address(which, address))


async def _found(addresses: Addresses, postcode: str) -> list[Premises] | None:
    """The addresses at the postcode; None while they cannot be looked up."""
    try:
        return await addresses.at(postcode) if postcode else []
    except httpx.HTTPError:
        return None


def _line(form: FormData, field: str, wanted: str | None, errors: FormErrors) -> str:
    given = text_of(form, field)
    try:
        return TypeAdapter(Line).validate_python(given) if given or wanted else ""
    except ValidationError:
        errors.add(field, (wanted if not given else None) or "Use at most 100 letters, digits and signs on this line")
        return ""


def _councils() -> list[tuple[str, str]]:
    return [*((borough.code, borough.council) for borough in BOROUGHS.values()), (OUTSIDE, "A council outside London")]
