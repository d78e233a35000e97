"""The citizen's answers so far, and the next question."""

import datetime
import re
from enum import StrEnum
from typing import Annotated, Literal

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from .boroughs import BOROUGHS
from .purposes import PURPOSES, Recipient

Which = Literal["new", "old"]
_MOBILE = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
_DRAMA = re.compile(r"7700900\d{3}")
"""Numbers that Ofcom reserves for drama, which demonstrations use."""
_BETWEEN = r"[\s\u00a0\u2000-\u200a\u202f\u3000.\-\u2010-\u2015]"
"""Characters that people write inside a postcode: spaces of any kind, hyphens, full stops."""
_POSTCODE_IN_TEXT = re.compile(
    rf"(?<![a-z0-9])[a-z]{{1,2}}[0-9][a-z0-9]?{_BETWEEN}{{0,3}}[0-9][a-z]{{2}}(?![a-z0-9])", re.ASCII | re.IGNORECASE
)


_OTHER_SPACES = re.compile(r"[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
"""Typographic spaces from pasted text; each counts as a plain one."""
UK = 44
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
SHORTEST_MONTH = 3


def _postcode(text: str) -> str:
    compact = re.sub(_BETWEEN, "", text).upper()
    if not re.fullmatch(r"[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}", compact):
        raise ValueError("not a full UK postcode")
    return f"{compact[:-3]} {compact[-3:]}"


def _mobile(text: str) -> str:
    try:
        number = phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException:
        raise ValueError("not a phone number") from None
    mobile = number.country_code == 44 and phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in _MOBILE
    if not mobile and not _DRAMA.fullmatch(str(number.national_number)):
        raise ValueError("not a UK mobile number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def national(number: str) -> str:
    """Return a number in national form, `07700 900982`; a foreign one with its country code."""
    parsed = phonenumbers.parse(number)
    form = phonenumbers.PhoneNumberFormat.NATIONAL if parsed.country_code == UK else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)


def month_number(text: str) -> int:
    """Return 1 to 12 from a number, an English name, or its first three letters or more. Raises ValueError."""
    name = text.strip().casefold().rstrip(".")
    if name.isascii() and name.isdigit():
        return int(name)
    if len(name) < SHORTEST_MONTH:
        raise ValueError("not a month")
    return next((number for number, month in enumerate(MONTHS, 1) if month.startswith(name)), 0)


def _london(code: str) -> str:
    if code not in BOROUGHS:
        raise ValueError("not the GSS code of a London borough")
    return code


def _known(recipient: Recipient) -> Recipient:
    _london(recipient.borough)
    if recipient.purpose not in PURPOSES:
        raise ValueError(f"there is no such purpose; there are {', '.join(PURPOSES)}")
    return recipient


def _one_line(text: str) -> str:
    text = _OTHER_SPACES.sub(" ", text)
    if not text.isprintable():
        raise ValueError("has characters that cannot be printed")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_one_line)]
Postcode = Annotated[str, StringConstraints(max_length=12), AfterValidator(_postcode)]
Typed = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)]
"""A typed address, whole or in part."""
Mobile = Annotated[str, StringConstraints(max_length=24), AfterValidator(_mobile)]
Email = Annotated[str, StringConstraints(max_length=320, pattern=r"^[^@\s]{1,64}@[^@\s]+\.[^@\s]+$")]
"""Identity has verified the citizen's address; notifications decides whether its form is valid."""
BoroughCode = Annotated[str, AfterValidator(_london)]


class Address(BaseModel):
    """An address. Without a UPRN the citizen entered it by hand; without a borough it is outside London."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uprn: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")] | None = None
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=300), AfterValidator(_one_line)]
    """One line, with its parts after commas and without the postcode."""
    postcode: Postcode
    borough: BoroughCode | None = None
    """GSS code of the council."""

    def __str__(self) -> str:
        return f"{self.text}, {self.postcode}"


class Search(BaseModel):
    """A search for an address: by a postcode, with or without a building, or by text alone."""

    model_config = ConfigDict(frozen=True)

    postcode: str | None = None
    text: str = ""
    """With a postcode, the name or number of a building; else an address or a part of one."""

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.text, self.postcode)))

    @classmethod
    def of_text(cls, typed: str) -> "Search":
        """Split a typed text into its postcode, if it has one, and the rest."""
        found = _POSTCODE_IN_TEXT.search(typed)
        if found is None:
            return cls(text=typed)
        return cls(postcode=_postcode(found[0]), text=f"{typed[: found.start()]} {typed[found.end() :]}".strip(" ,"))


class Details(BaseModel):
    """The personal data of a move; only this app's database has it, encrypted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given_name: Line
    family_name: Line
    email: Email
    phone: Mobile | None = None
    """E.164; None if the citizen wants no text."""
    old_address: Address
    new_address: Address
    moved_on: datetime.date
    tell: Annotated[tuple[Annotated[Recipient, AfterValidator(_known)], ...], Field(min_length=1, max_length=10)]

    def items(self, purpose: str) -> dict[str, str]:
        """Return the known items that `purpose` needs, by data_sharing's names."""
        known = {
            "given_name": self.given_name,
            "family_name": self.family_name,
            "email": self.email,
            "old_uprn": self.old_address.uprn,
            "old_address": str(self.old_address),
            "new_uprn": self.new_address.uprn,
            "new_address": str(self.new_address),
            "new_postcode": self.new_address.postcode,
            "moved_on": self.moved_on.isoformat(),
        }
        return {name: value for name, value in known.items() if value is not None and name in PURPOSES[purpose].items}


class Question(StrEnum):
    """The questions in their order; each value is a path under /move."""

    NAME = "name"
    NEW_ADDRESS = "new/postcode"
    OLD_ADDRESS = "old/postcode"
    DATE = "date"
    TELL = "tell"
    CONTACT = "contact"
    CHECK = "check"


class Answers(BaseModel):
    """Answers of an unfinished move. `move` is its id from the first question, so submitting twice makes one move."""

    model_config = ConfigDict(frozen=True)

    move: str
    given_name: str | None = None
    family_name: str | None = None
    searches: dict[str, Search] = Field(default_factory=dict)
    """The searches for the `new` and `old` address."""
    new_address: Address | None = None
    old_address: Address | None = None
    moved_on: datetime.date | None = None
    tell: tuple[Recipient, ...] = ()
    phone: str | None = None
    contact_given: bool = False

    def with_address(self, which: Which, address: Address) -> "Answers":
        """Return the answers with the address. A change of council clears the recipients, so the app asks for them again."""
        before = self.address(which)
        same = before is not None and before.borough == address.borough
        return self.model_copy(update={f"{which}_address": address, "tell": self.tell if same else ()})

    def address(self, which: Which) -> Address | None:
        """Return the new or the old address; None until it is known."""
        return self.new_address if which == "new" else self.old_address

    def next_question(self) -> Question:
        """Return the first question without an answer; CHECK when none is left."""
        answered = {
            Question.NAME: self.given_name is not None,
            Question.NEW_ADDRESS: self.new_address is not None,
            Question.OLD_ADDRESS: self.old_address is not None,
            Question.DATE: self.moved_on is not None,
            Question.TELL: bool(self.tell),
            Question.CONTACT: self.contact_given,
        }
        return next((question for question, done in answered.items() if not done), Question.CHECK)

    def details(self, email: str) -> Details:
        """Return the complete details. Raises pydantic's ValidationError if an answer is missing."""
        known = self.model_dump(include={"given_name", "family_name", "phone", "old_address", "new_address", "moved_on", "tell"})
        return Details.model_validate(known | {"email": email})
