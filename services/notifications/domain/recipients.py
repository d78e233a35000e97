"""Recipients: UK and foreign phone numbers, and email addresses, validated as GOV.UK Notify does."""

import re
import string
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult

UK = 44
INVISIBLE = "\u180e\u200b\u200c\u200d\u2060\ufeff\u2028\u2029"
"""Characters without width, which people copy from web pages together with an address."""
_SPACES = string.whitespace + INVISIBLE + "\u00a0\u202f"
_PHONE_CHARACTERS = frozenset(_SPACES + "()-+" + string.digits)
_MAX_PHONE_CHARACTERS = 100
_ALLOWED_TYPES = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.UAN,
        PhoneNumberType.PERSONAL_NUMBER,
    }
)
_LANDLINES = frozenset({PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.UAN})
_TV_NUMBER = re.compile(r"7700900\d{3}")
"""Numbers that Ofcom reserves for drama. The library calls them invalid because no handset has one, but tests use them."""


class PhoneFault(StrEnum):
    """The fault of a phone number; the value is Notify's text."""

    INVALID = "Number is not valid – double check the phone number you entered"
    TOO_LONG = "Too many digits"
    TOO_SHORT = "Not enough digits"
    NOT_UK_MOBILE = "Not a UK mobile number"
    SYMBOLS = "Must not contain letters or symbols"
    COUNTRY = "Not a valid country prefix"


class InvalidPhoneNumber(ValueError):  # noqa: N818
    """The text is not a phone number that can receive a message."""

    def __init__(self, fault: PhoneFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class InvalidEmailAddress(ValueError):  # noqa: N818
    """The text is not an email address that can receive a message."""

    def __init__(self) -> None:
        super().__init__("Not a valid email address")


@dataclass(frozen=True)
class Phone:
    """A phone number that exists in some country's numbering plan."""

    number: str
    """E.164 without the plus: `447700900123`."""
    international: bool
    """Whether Notify calls it foreign: outside the United Kingdom, Jersey, Guernsey and Man."""
    crown_dependency: bool
    landline: bool


def phone(text: str) -> Phone:
    """Parse a phone number as people write it; without a country code it is a UK number.

    A second, lenient attempt drops stray pluses and zeros (`+07700900100`, `0+447700900100`). Raises InvalidPhoneNumber.
    """
    if set(text) - _PHONE_CHARACTERS:
        raise InvalidPhoneNumber(PhoneFault.SYMBOLS)
    digits = "".join(character for character in text if character in "+0123456789")
    if not digits:
        raise InvalidPhoneNumber(PhoneFault.TOO_SHORT)
    if len(text) > _MAX_PHONE_CHARACTERS:
        raise InvalidPhoneNumber(PhoneFault.TOO_LONG)
    try:
        return _described(_parsed(digits, foreign_without_plus=not digits.startswith(("0", "+"))))
    except InvalidPhoneNumber as first:
        if not digits.startswith(("0", "+")):
            raise
        try:
            return _described(_parsed(digits.replace("+", "").lstrip("0"), foreign_without_plus=False))
        except InvalidPhoneNumber:
            raise first from None


def _parsed(digits: str, *, foreign_without_plus: bool) -> phonenumbers.PhoneNumber:
    """Parse digits. `foreign_without_plus` accepts a foreign number whose plus a spreadsheet dropped, if it is too long for the UK.

    It applies only to digits without a leading zero: `079009001234` is a UK number with a digit too many, not a Russian one.
    """
    try:
        number = phonenumbers.parse(digits, "GB")
        reason = phonenumbers.is_possible_number_with_reason(number)
        if reason != ValidationResult.IS_POSSIBLE and foreign_without_plus:
            foreign = phonenumbers.parse(f"+{digits}")
            if phonenumbers.is_possible_number(foreign):
                number, reason = foreign, ValidationResult.IS_POSSIBLE
    except NumberParseException as failure:
        if failure.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            raise InvalidPhoneNumber(PhoneFault.COUNTRY) from None
        raise InvalidPhoneNumber(PhoneFault.INVALID) from None
    if reason != ValidationResult.IS_POSSIBLE:
        raise InvalidPhoneNumber(_LENGTH_FAULTS.get(reason, PhoneFault.INVALID))
    if not (_is_tv_number(number) or _can_be_texted(number)):
        raise InvalidPhoneNumber(PhoneFault.INVALID)
    return number


def _can_be_texted(number: phonenumbers.PhoneNumber) -> bool:
    """Return whether the number is in use in its country, and not premium or of another kind without a reader."""
    return phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in _ALLOWED_TYPES


_LENGTH_FAULTS = {
    ValidationResult.TOO_LONG: PhoneFault.TOO_LONG,
    ValidationResult.TOO_SHORT: PhoneFault.TOO_SHORT,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: PhoneFault.TOO_SHORT,
    ValidationResult.INVALID_COUNTRY_CODE: PhoneFault.COUNTRY,
}


def _is_tv_number(number: phonenumbers.PhoneNumber) -> bool:
    return number.country_code == UK and _TV_NUMBER.fullmatch(str(number.national_number)) is not None


def _described(number: phonenumbers.PhoneNumber) -> Phone:
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    if _is_tv_number(number):
        return Phone(e164, international=False, crown_dependency=False, landline=False)
    british = phonenumbers.region_code_for_number(number) == "GB"
    return Phone(
        e164,
        international=not british,
        crown_dependency=number.country_code == UK and not british,
        landline=number.country_code == UK and phonenumbers.number_type(number) in _LANDLINES,
    )


_EMAIL = re.compile(r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~\-]+@([^.@][^@\s]+)")
_HOST_LABEL = re.compile(r"(xn|[a-z0-9]+)(-?-[a-z0-9]+)*", re.IGNORECASE)
_TOP_LEVEL = re.compile(r"([a-z]{2,63}|xn--([a-z0-9]+-)*[a-z0-9]+)", re.IGNORECASE)


def email_address(text: str) -> str:
    """Return the normalised address: trimmed and in lower case. Raises InvalidEmailAddress."""
    address = text.strip(_SPACES)
    for character in INVISIBLE:
        address = address.replace(character, "")
    if len(address) > 320 or ".." in address:
        raise InvalidEmailAddress
    match = _EMAIL.fullmatch(address)
    if match is None:
        raise InvalidEmailAddress
    try:
        host = match.group(1).encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidEmailAddress from None
    labels = host.split(".")
    if len(host) > 253 or len(labels) < 2 or not _TOP_LEVEL.fullmatch(labels[-1]):
        raise InvalidEmailAddress
    if any(len(label) > 63 or not _HOST_LABEL.fullmatch(label) for label in labels):
        raise InvalidEmailAddress
    return address.lower()


SIMULATED_PHONES = frozenset({"447700900000", "447700900111", "447700900222"})
SIMULATED_EMAILS = frozenset(f"simulate-delivered{suffix}@notifications.service.gov.uk" for suffix in ("", "-2", "-3"))


def is_simulated(recipient: str) -> bool:
    """Return whether the recipient is one of Notify's for smoke tests, whose messages the service accepts and neither stores nor sends."""
    return recipient in SIMULATED_PHONES or recipient in SIMULATED_EMAILS
