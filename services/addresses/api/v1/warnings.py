"""What our own surface warns of: a postcode that lies in several boroughs does not say who serves an address."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

from services.addresses.gazetteer.search.gazetteer import Gazetteer

SPLIT = "GSS codes of the boroughs that its postcode lies in, where they are several"


class Warned(BaseModel):
    """Something to know before the address is relied on."""

    type: str = Field(description="split-postcode: who serves this postcode depends on the premises")
    message: str
    postcode: str
    boroughs: list[str] = Field(description="GSS codes")


def warned(postcode: str, boroughs: list[str], gazetteer: Gazetteer) -> list[Warned]:
    """The warning where the boroughs of a postcode are several; none where there is one."""
    if len(boroughs) < 2:
        return []
    names = [gazetteer.borough_name(borough) for borough in boroughs]
    said = f"{', '.join(names[:-1])} and {names[-1]}"
    message = f"The postcode {postcode} lies in {len(boroughs)} boroughs, {said}: go by the borough of the UPRN, not by the postcode's."
    return [Warned(type="split-postcode", message=message, postcode=postcode, boroughs=boroughs)]


def split_postcodes(postcodes: Iterable[str], gazetteer: Gazetteer) -> list[Warned]:
    """The warnings for those of the postcodes (`NW1 1AA`) that lie in several boroughs, each once."""
    split = gazetteer.split_postcodes
    return [
        warning for postcode in dict.fromkeys(postcodes) if postcode in split for warning in warned(postcode, split[postcode], gazetteer)
    ]


def if_any(warnings: list[Warned]) -> dict[str, list[Warned]]:
    """The field `warnings` of an answer: unset, and so left out, where there are none."""
    return {"warnings": warnings} if warnings else {}


def if_split(postcode: str, gazetteer: Gazetteer) -> dict[str, list[str]]:
    """The field `postcode_boroughs` of a result: unset, and so left out, where its postcode lies in one."""
    boroughs = gazetteer.split_postcodes.get(postcode)
    return {"postcode_boroughs": boroughs} if boroughs else {}
