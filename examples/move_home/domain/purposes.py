"""Purposes of sharing, and the items that each needs: nothing else leaves this app."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Purpose:
    """A purpose of sharing with a council. `items` are names of data_sharing's items."""

    code: str
    name: str
    in_sentence: str
    """The subject of the share, within a sentence."""
    items: frozenset[str]


COUNCIL_TAX = Purpose(
    "council-tax",
    "Council Tax",
    "Council Tax",
    frozenset({"given_name", "family_name", "email", "old_uprn", "old_address", "new_uprn", "new_address", "new_postcode", "moved_on"}),
)
ELECTORAL_REGISTER = Purpose(
    "electoral-register",
    "Electoral register",
    "the electoral register",
    frozenset({"given_name", "family_name", "old_address", "new_uprn", "new_address", "new_postcode", "moved_on"}),
)
PURPOSES = {purpose.code: purpose for purpose in (COUNCIL_TAX, ELECTORAL_REGISTER)}

ITEMS = {
    "given_name": "First name",
    "family_name": "Last name",
    "email": "Email address",
    "phone": "Phone number",
    "date_of_birth": "Date of birth",
    "old_uprn": "Old UPRN",
    "old_address": "Old address",
    "new_uprn": "New UPRN",
    "new_address": "New address",
    "new_postcode": "New postcode",
    "moved_on": "Date of the move",
}
"""Names of data_sharing's items for people."""


class Recipient(BaseModel):
    """A council to inform, and the purpose."""

    model_config = ConfigDict(frozen=True)

    borough: str
    """GSS code."""
    purpose: str
    """Code of a purpose."""


def offered(old: str | None, new: str | None) -> tuple[Recipient, ...]:
    """Return the recipients on offer, given the GSS codes of the old and new council; None is outside London."""
    choices = [Recipient(borough=borough, purpose=COUNCIL_TAX.code) for borough in dict.fromkeys((old, new)) if borough]
    if new:
        choices.append(Recipient(borough=new, purpose=ELECTORAL_REGISTER.code))
    return tuple(choices)
