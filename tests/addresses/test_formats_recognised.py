"""A file tells its format by itself, and what is none of them is refused with what it looks like."""

import csv
import random
from contextlib import suppress

import pytest

from services.addresses.domain.addressbase.formats.code_point_open import CodePoint
from services.addresses.domain.addressbase.formats.core import Core
from services.addresses.domain.addressbase.formats.detect import NAMES, detect_format, refuse_other_files
from services.addresses.domain.addressbase.formats.onspd import Onspd
from services.addresses.domain.addressbase.formats.open_uprn import OpenUprn
from services.addresses.domain.addressbase.formats.premium import Premium
from services.addresses.domain.addressbase.incoming import BadRowError, Format, PostcodeFormat, WrongFileError
from tests.addresses.address_files import BLPU, METADATA, OLD_STREET, RECORDS, premium, rows
from tests.addresses.test_formats_core import FLAT, HEADER, OPEN_UPRN
from tests.addresses.test_formats_postcodes import CODE_POINT, NSPL_2025, ONSPD_2022

KNOWN = [
    (premium(*RECORDS), Premium),
    (premium(OLD_STREET), Premium),
    ("\ufeff" + premium(BLPU), Premium),
    (FLAT, Core),
    (HEADER + "\n" + FLAT, Core),
    (HEADER, Core),
    (OPEN_UPRN, OpenUprn),
    (OPEN_UPRN.split("\n")[1], OpenUprn),
    (NSPL_2025, Onspd),
    (ONSPD_2022, Onspd),
    (CODE_POINT, CodePoint),
]


@pytest.mark.parametrize(("text", "reader"), KNOWN)
def test_a_file_is_recognised_by_what_it_holds(text, reader):
    found = detect_format(rows(text)[:20])
    assert type(found) is reader
    assert found.name in NAMES
    assert isinstance(found, Format) != isinstance(found, PostcodeFormat)


@pytest.mark.parametrize(("text", "reader"), KNOWN)
@pytest.mark.parametrize("wanted", NAMES)
def test_a_file_that_is_named_otherwise_says_what_it_looks_like(text, reader, wanted):
    if reader.name == wanted:
        assert type(detect_format(rows(text), wanted)) is reader
    else:
        with pytest.raises(WrongFileError, match=f"it is not {wanted}: it looks like {reader.name}"):
            detect_format(rows(text), wanted)


def test_two_formats_in_one_file_are_refused():
    with pytest.raises(WrongFileError, match="it has rows of core and of premium in one"):
        detect_format(rows(FLAT + "\n" + BLPU))


def test_what_is_no_format_is_refused():
    with pytest.raises(WrongFileError, match=r"it is in none of the formats core, premium, .*: its first row has 3 columns"):
        detect_format(rows("name,street,town\nx,y,z"))
    with pytest.raises(WrongFileError, match="it does not look like core"):
        detect_format(rows("name,street,town\nx,y,z"), "core")
    with pytest.raises(WrongFileError, match="it is empty"):
        detect_format([[], []])


def test_a_format_that_does_not_exist_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="'paf' is not one of core, premium"):
        detect_format(rows(FLAT), "paf")


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "it is empty"),
        (b"\xef\xbb\xbf \r\n", "it is empty"),
        (b"PK\x03\x04\x14\x00", "it is a zip file"),
        (b"\x1f\x8b\x08\x00", "it is compressed by gzip"),
        (b"SQLite format 3\x00", "it is a database"),
        (b"<!DOCTYPE html><html>", "it is a web page"),
        (b"\n<HTML><head>", "it is a web page"),
        (b"<?xml version='1.0'?><abpr:AddressBaseSupplySet>", "it is XML"),
        (b"%PDF-1.7", "it is a PDF"),
        (b'{"error": 401}', "it is JSON"),
        ("10,GeoPlace".encode("utf-16"), "it is in UTF-16"),
        ("10,GeoPlace".encode("utf-16-le"), "it is binary or in UTF-16"),
    ],
)
def test_what_is_no_csv_is_called_by_its_name(head, what):
    with pytest.raises(WrongFileError, match=what):
        refuse_other_files(head)


@pytest.mark.parametrize(("text", "_"), KNOWN)
def test_a_known_file_begins_as_a_csv(text, _):
    refuse_other_files(text.encode()[:1_000])


@pytest.mark.parametrize("seed", range(60))
def test_a_spoilt_file_gives_plain_errors_only(seed):
    """Bytes changed, cut out and put in at random: every row is read, or refused for a reason without the row's text."""
    dice = random.Random(seed)
    text, reader = KNOWN[seed % len(KNOWN)]
    spoilt = bytearray(text.encode())
    for _ in range(dice.randint(1, 40)):
        at = dice.randrange(len(spoilt))
        match dice.randrange(4):
            case 0:
                spoilt[at] = dice.randrange(256)
            case 1:
                del spoilt[at : at + dice.randrange(1, 30)]
            case 2:
                spoilt[at:at] = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 5)))
            case _:
                spoilt[at:at] = dice.choice((b",", b"\n", b'"', b"\0", b",,,,"))
        spoilt = spoilt or bytearray(b"\n")
    found = list(_readable(spoilt.decode("utf-8", "surrogateescape")))
    reasons = [reason for each in (reader(), _recognised(found)) if each for row in found if (reason := _refusal(each, row))]
    assert not any(name in reason for name in ("KESTREL", "QUILL", "E8 1AA") for reason in reasons)


def _readable(text):
    """Rows, without lines that the csv module itself refuses."""
    for line in text.split("\n"):
        with suppress(csv.Error):
            yield from csv.reader([line])


def _refusal(reader, row):
    try:
        list(reader.postcodes(row) if isinstance(reader, PostcodeFormat) else reader.read(row))
    except (BadRowError, WrongFileError) as error:
        return str(error)
    return ""


def _recognised(found):
    try:
        return detect_format(found[:20])
    except WrongFileError:
        return None


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_refused(seed):
    noise = random.Random(seed).randbytes(2_000)
    with pytest.raises(WrongFileError):
        refuse_other_files(noise)


@pytest.mark.parametrize("seed", range(20))
def test_random_text_is_refused(seed):
    dice = random.Random(seed)
    noise = "".join(chr(dice.choice((44, 10, dice.randrange(32, 1_000)))) for _ in range(2_000))
    found = list(_readable(noise))[:20]
    with pytest.raises(WrongFileError):
        detect_format(found)


def test_metadata_alone_looks_like_premium_and_is_refused_by_its_reader():
    reader = detect_format(rows(METADATA))
    assert isinstance(reader, Premium)
    with pytest.raises(WrongFileError, match="outside of header and trailer"):
        list(reader.read(rows(METADATA)[0]))
