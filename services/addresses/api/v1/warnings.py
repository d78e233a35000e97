"""Warnings of our own API: a postcode in several boroughs does not determine the borough that serves an address."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

from services.addresses.gazetteer.search.gazetteer import Gazetteer

SPLIT = "GSS codes of the boroughs that its postcode lies in, where they are several"


class Warned(BaseModel):
    """A reason for care before a caller relies on the address."""

    type: str = Field(description="split-postcode: who serves this postcode depends on the premises")
    message: str
    postcode: str
    boroughs: list[str] = Field(description="GSS codes")


def warned(postcode: str, boroughs: list[str], gazetteer: Gazetteer) -> list[Warned]:
    """Create the warning for a postcode in several boroughs; empty for one borough."""
    if len(boroughs) < 2:
        return []
    names = [gazetteer.borough_name(borough) for borough in boroughs]
    said = f"{', '.join(names[:-1])} and {names[-1]}"
    message = f"The postcode {postcode} lies in {len(boroughs)} boroughs, {said}: go by the borough of the UPRN, not by the postcode's."
    return [Warned(type="split-postcode", message=message, postcode=postcode, boroughs=boroughs)]


def split_postcodes(postcodes: Iterable[str], gazetteer: Gazetteer) -> list[Warned]:
    """Create one warning for each of the postcodes (`NW1 1AA`) that lies in several boroughs."""
    split = gazetteer.split_postcodes
    return [
        warning for postcode in dict.fromkeys(postcodes) if postcode in split for warning in warned(postcode, split[postcode], gazetteer)
    ]


def if_any(warnings: list[Warned]) -> dict[str, list[Warned]]:
    """Return the response field `warnings`, or no field if there are none."""
    return {"warnings": warnings} if warnings else {}


def if_split(postcode: str, gazetteer: Gazetteer) -> dict[str, list[str]]:
    """Return the result field `postcode_boroughs`, or no field if the postcode lies in one borough."""
    boroughs = gazetteer.split_postcodes.get(postcode)
    return {"postcode_boroughs": boroughs} if boroughs else {}
