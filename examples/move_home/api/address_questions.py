"""The questions about the new and the old address: a search, then a choice among its results, or by hand at any time.

A search is by postcode, with or without a building, or by text. The page's script suggests addresses while the citizen types.
Both ways send the same form.
"""

from collections.abc import Sequence
from typing import Literal

import httpx
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData
from starlette.responses import Response

from examples.move_home.adapters.addresses import Addresses
from examples.move_home.domain.answers import Address, Line, Postcode, Search, Typed, Which
from examples.move_home.domain.boroughs import BOROUGHS
from examples.move_home.domain.choices import MOST, Choice
from shared.http import Router
from shared.pages import FormErrors

from .dependencies import Form, Lookup, failure_as_page, see_other, text_of
from .questions import Asked, too_long

router = Router(errors=failure_as_page, include_in_schema=False)

FULL_POSTCODE = "Enter a full UK postcode, like N16 5TT"
OUTSIDE = "outside"


@router.get("/move/{which}/postcode")
async def ask_search(which: Which, asked: Asked) -> Response:
    """Ask for a postcode or text to search by."""
    search, chosen = asked.answers.searches.get(which, Search()), asked.answers.address(which)
    values = {"postcode": search.postcode, "building": search.text if search.postcode else "", "address": str(search)}
    if chosen and chosen.uprn:
        values |= {"address": str(chosen), "uprn": chosen.uprn}
    return asked.page("find_address.html", which=which, values=values)


@router.post("/move/{which}/postcode")
async def take_search(which: Which, asked: Asked, form: Form, addresses: Lookup) -> Response:
    """Keep the search and show its addresses; a chosen suggestion is the answer already."""
    errors = FormErrors()
    is_typed = "address" in form and not text_of(form, "postcode")
    search = _typed(form, errors) if is_typed else _at_postcode(form, errors)
    if not errors:
        try:
            if is_typed and (chosen := await addresses.offered(text_of(form, "address"), text_of(form, "uprn"))):
                return await asked.keep(asked.answers.with_address(which, chosen.address))
            choice = await addresses.choice(search)
            if is_typed and search.postcode and search.text and not choice.premises:
                as_text = Search(text=text_of(form, "address"))
                of_text = await addresses.choice(as_text)
                search, choice = (as_text, of_text) if of_text.premises else (search, choice)
            _want_more(search, choice, "address" if is_typed else "building", errors)
        except httpx.HTTPError:
            pass  # the next page reports it and asks for the address by hand
    if errors:
        return asked.page("find_address.html", which=which, values=form, errors=errors)
    return await asked.keep_with(f"/move/{which}/address", searches=asked.answers.searches | {which: search})


@router.get("/move/{which}/address")
async def ask_address(which: Which, asked: Asked, addresses: Lookup) -> Response:
    """Let the citizen choose among the addresses found; ask for the address by hand if there are none."""
    search = asked.answers.searches.get(which)
    if search is None:
        return see_other(f"/move/{which}/postcode")
    choice = await _found(addresses, search)
    if not choice or not choice.premises:
        return see_other(f"/move/{which}/by-hand?because={'none' if choice else 'down'}")
    return asked.page("address.html", which=which, search=search, choice=choice)


@router.post("/move/{which}/address")
async def take_address(which: Which, asked: Asked, form: Form, addresses: Lookup) -> Response:
    """Keep the chosen address, as the gazetteer has it."""
    search = asked.answers.searches.get(which, Search())
    choice = await _found(addresses, search)
    if not choice or not choice.premises:
        return see_other(f"/move/{which}/by-hand?because={'none' if choice else 'down'}")
    chosen = choice.find(text_of(form, "uprn"))
    if chosen is None:
        errors = FormErrors()
        errors.add("uprn", "Select your address, or enter it by hand")
        return asked.page("address.html", which=which, search=search, choice=choice, errors=errors)
    return await asked.keep(asked.answers.with_address(which, chosen.address))


@router.get("/move/{which}/by-hand")
async def ask_by_hand(which: Which, asked: Asked, because: Literal["down", "none"] | None = None) -> Response:
    """Ask for the address line by line."""
    values = {"postcode": asked.answers.searches.get(which, Search()).postcode or ""}
    return asked.page("by_hand.html", which=which, because=because, values=values, councils=_councils(()) if because == "down" else None)


@router.post("/move/{which}/by-hand")
async def take_by_hand(which: Which, asked: Asked, form: Form, addresses: Lookup) -> Response:
    """Keep the address and its council. The citizen names the council where the postcode lies in several boroughs, or while the
    addresses service is down.
    """
    errors = FormErrors()
    parts = [
        _line(form, "line1", "Address line 1", errors, wanted="Enter address line 1, typically the building and street"),
        _line(form, "line2", "Address line 2", errors),
        _line(form, "town", "Town or city", errors, wanted="Enter a town or city"),
    ]
    postcode = _postcode(form, errors)
    boroughs: tuple[str, ...] = ()
    asked_because = None
    if postcode:
        try:
            boroughs = await addresses.boroughs_of(postcode)
            asked_because = "split" if len(boroughs) > 1 else None
        except httpx.HTTPError:
            asked_because = "down"
    councils = _councils(boroughs) if asked_because else None
    borough = _council(form, councils, errors) if councils else next(iter(boroughs), None)
    if errors:
        shown = {"because": asked_because, "postcode": postcode, "councils": councils}
        return asked.page("by_hand.html", which=which, values=form, errors=errors, **shown)
    address = Address(text=", ".join(part for part in parts if part), postcode=postcode, borough=borough)
    return await asked.keep(asked.answers.with_address(which, address))


def _typed(form: FormData, errors: FormErrors) -> Search:
    """Read a text, which may contain a postcode."""
    given = text_of(form, "address")
    try:
        return Search.of_text(TypeAdapter(Typed).validate_python(given))
    except ValidationError:
        errors.add("address", too_long("Address", 200) if given else "Enter an address or a postcode")
        return Search()


def _at_postcode(form: FormData, errors: FormErrors) -> Search:
    """Read a postcode and an optional building."""
    return Search(postcode=_postcode(form, errors), text=_line(form, "building", "Building number or name", errors))


def _want_more(search: Search, choice: Choice, field: str, errors: FormErrors) -> None:
    """Add an error that asks for more if the search leads to no list of addresses."""
    if search.postcode and not search.text and not choice.is_all:
        errors.add(field, f"Enter a building number or name too, because {search.postcode} has more than {MOST} addresses")
    elif search.postcode is None and not choice.premises:
        more = "Enter more of the address, like the number of the building or a full postcode"
        unknown = f"No address has {choice.unmatched_words}. " if choice.unmatched else ""
        nothing = f"We cannot find this address. {unknown}Check what you entered, or enter the address by hand"
        errors.add(field, f"{unknown}{more}" if choice.begins else nothing)


async def _found(addresses: Addresses, search: Search) -> Choice | None:
    """Return the search's choice; None while the addresses service is down."""
    try:
        return await addresses.choice(search)
    except httpx.HTTPError:
        return None


def _postcode(form: FormData, errors: FormErrors) -> str:
    given = text_of(form, "postcode")
    try:
        return TypeAdapter(Postcode).validate_python(given)
    except ValidationError:
        errors.add("postcode", FULL_POSTCODE if given else "Enter a postcode")
        return ""


def _line(form: FormData, field: str, name: str, errors: FormErrors, *, wanted: str | None = None) -> str:
    """Read a line of text; `wanted` is the error for a required line that is empty."""
    given = text_of(form, field)
    try:
        return TypeAdapter(Line).validate_python(given) if given or wanted else ""
    except ValidationError:
        errors.add(field, (wanted if not given else None) or too_long(name))
        return ""


def _council(form: FormData, councils: list[tuple[str, str]], errors: FormErrors) -> str | None:
    """Return the selected council; None for one outside London."""
    given = text_of(form, "council")
    if given not in {value for value, _ in councils}:
        errors.add("council", "Select the council of this address")
    return given if given in BOROUGHS else None


def _councils(boroughs: Sequence[str]) -> list[tuple[str, str]]:
    """Return the councils of these boroughs; without any, all councils."""
    if boroughs:
        return [(code, BOROUGHS[code].council) for code in boroughs]
    return [*((borough.code, borough.council) for borough in BOROUGHS.values()), (OUTSIDE, "A council outside London")]
