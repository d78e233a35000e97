"""Phone numbers and email addresses are accepted and refused as by GOV.UK Notify."""

import pytest

from services.notifications.domain.recipients import (
    InvalidEmailAddress,
    InvalidPhoneNumber,
    email_address,
    is_simulated,
    phone,
)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("07900900123", "447900900123"),
        ("07900 900 123", "447900900123"),
        ("(07900) 900-123", "447900900123"),
        ("+44 7900 900123", "447900900123"),
        ("+44(0)7900 900 123", "447900900123"),
        ("0044 7900 900123", "447900900123"),
        ("7900900123", "447900900123"),
        ("447900900123", "447900900123"),
        ("+07900900123", "447900900123"),
        ("0+447900900123", "447900900123"),
        ("000007900900123", "447900900123"),
        ("07900\u200b900123", "447900900123"),
        ("07700900123", "447700900123"),
        ("+1 202 456 1414", "12024561414"),
        ("0033 6 12 34 56 78", "33612345678"),
        ("33612345678", "33612345678"),
    ],
)
def test_a_number_is_read_however_people_write_it(written: str, number: str) -> None:
    assert phone(written).number == number


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("", "Not enough digits"),
        ("0790", "Not enough digits"),
        ("079009001234", "Too many digits"),
        ("0790090012345678", "Too many digits"),
        ("07900 900 12x", "Must not contain letters or symbols"),
        ("07900;900123", "Must not contain letters or symbols"),
        ("+9997900900123", "Not a valid country prefix"),
        ("06123456789", "Number is not valid – double check the phone number you entered"),
        ("09091234567", "Number is not valid – double check the phone number you entered"),
    ],
)
def test_a_wrong_number_is_refused_in_notifys_words(written: str, text: str) -> None:
    with pytest.raises(InvalidPhoneNumber) as refused:
        phone(written)
    assert str(refused.value) == text


def test_where_a_number_belongs_is_known() -> None:
    assert phone("020 7946 0018").landline or phone("020 7974 4444").landline
    assert phone("+33612345678").international
    jersey = phone("+44 7797 700123")
    assert jersey.international
    assert jersey.crown_dependency
    drama = phone("07700900123")
    assert not drama.international
    assert not drama.landline


@pytest.mark.parametrize(
    ("written", "sent_to"),
    [
        ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com"),
        (" ada@example.com\n", "ada@example.com"),
        ("ada\u200b@example.com", "ada@example.com"),
        ("o'neill+tag@sub.example.co.uk", "o'neill+tag@sub.example.co.uk"),
        ("info@例え.テスト", "info@例え.テスト"),
        ("a@xn--80ak6aa92e.com", "a@xn--80ak6aa92e.com"),
    ],
)
def test_an_address_is_taken_and_lowered(written: str, sent_to: str) -> None:
    assert email_address(written) == sent_to


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada..l@example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@example.c",
        "ada@example.com, bob@example.com",
        "ada@example.com\r\nBcc: bob@example.com",
        'ada"@example.com',
        "ada;@example.com",
        "a" * 310 + "@example.com",
        "a@" + "b" * 64 + ".com",
        "a@" + "b." * 127 + "com",
    ],
)
def test_a_wrong_address_is_refused(written: str) -> None:
    with pytest.raises(InvalidEmailAddress, match="Not a valid email address"):
        email_address(written)


def test_smoke_test_recipients_are_known() -> None:
    assert is_simulated(phone("07700 900 000").number)
    assert is_simulated(email_address("Simulate-Delivered-2@notifications.service.gov.uk"))
    assert not is_simulated("447700900001")
