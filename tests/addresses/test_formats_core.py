"""AddressBase Core and OS Open UPRN: one row a property."""

from dataclasses import replace
from datetime import date

import pytest

from services.addresses.domain.addressbase.formats.core import COLUMNS, Core
from services.addresses.domain.addressbase.formats.open_uprn import OpenUprn
from services.addresses.domain.addressbase.incoming import BadRowError, Op, WrongFileError
from services.addresses.domain.addressbase.records import Numbering
from services.addresses.domain.addressbase.single_line import line
from tests.addresses.address_files import RECORDS, Held, held, premium, read, rows

UPRN = 10_099_900_001
HEADER = ",".join(COLUMNS)
FLAT = (
    "10099900001,10099900000,52999901,20499901,osgb1000000000999,RD06,533150.50,184050.25,51.5394012,-0.0815734,1,2020-02-10,"
    '"FLAT 2, KESTRELFORD HOUSE, 14 QUILLFEN STREET, LONDON, E8 1AA",,QUILL LTD,'
    "FLAT 2,KESTRELFORD HOUSE,14,QUILLFEN STREET,,LONDON,LONDON,,E8 1AA,1A,E09000012,I"
)
OPEN_UPRN = "UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE\n10099900001,533151.00,184052.00,51.5394200,-0.0815600\n"


def with_parts(sub_building: str, name: str, number: str, street: str = "QUILLFEN STREET") -> str:
    return FLAT.replace(",FLAT 2,KESTRELFORD HOUSE,14,QUILLFEN STREET,", f",{sub_building},{name},{number},{street},")


@pytest.mark.parametrize("header", ["", HEADER + "\n", HEADER.upper() + "\n", "\ufeff" + HEADER + "\n"])
def test_a_property_is_read_with_and_without_a_header_row(header):
    blpu = held(header + FLAT).blpu(UPRN)
    assert blpu
    assert line(blpu) == "QUILL LTD, FLAT 2, KESTRELFORD HOUSE, 14 QUILLFEN STREET, LONDON, E8 1AA"
    assert (blpu.borough, blpu.custodian, blpu.classification, blpu.parent_uprn) == ("E09000012", 5360, "RD06", 10_099_900_000)
    assert (blpu.easting, blpu.latitude, blpu.rpc, blpu.toid) == (533150.5, 51.5394012, 1, "osgb1000000000999")
    assert (blpu.last_update, blpu.organisation, blpu.postcode) == (date(2020, 2, 10), "QUILL LTD", "E8 1AA")
    (lpi,) = blpu.lpis
    assert (lpi.usrn, lpi.street, lpi.sao_text, lpi.pao, lpi.pao_text) == (
        *(20_499_901, "QUILLFEN STREET", "FLAT 2", Numbering(14), "KESTRELFORD HOUSE"),
    )
    point = blpu.delivery_point
    assert point
    assert (point.udprn, point.building_number, point.thoroughfare, point.delivery_point_suffix) == (
        52_999_901,
        "14",
        "QUILLFEN STREET",
        "1A",
    )


@pytest.mark.parametrize(
    ("parts", "sao", "sao_text", "pao", "pao_text"),
    [
        (("", "", "14"), "", "", "14", ""),
        (("", "", "6-20"), "", "", "6-20", ""),
        (("", "", "1A-3B"), "", "", "1A-3B", ""),
        (("", "179A", ""), "", "", "179A", ""),
        (("2", "KESTRELFORD HOUSE", ""), "2", "", "", "KESTRELFORD HOUSE"),
        (("BASEMENT FLAT", "", "14"), "", "BASEMENT FLAT", "14", ""),
        (("", "KESTRELFORD HOUSE", "REAR OF 14"), "", "", "", "KESTRELFORD HOUSE, REAR OF 14"),
    ],
)
def test_numbers_are_told_from_names(parts, sao, sao_text, pao, pao_text):
    blpu = held(with_parts(*parts)).blpu(UPRN)
    assert blpu
    lpi = blpu.lpis[0]
    assert (str(lpi.sao), lpi.sao_text, str(lpi.pao), lpi.pao_text) == (sao, sao_text, pao, pao_text)


def test_where_royal_mail_does_not_deliver_there_is_no_delivery_point():
    blpu = held(FLAT.replace(",52999901,", ",,")).blpu(UPRN)
    assert blpu
    assert blpu.delivery_point is None
    assert line(blpu) == "QUILL LTD, FLAT 2, KESTRELFORD HOUSE, 14 QUILLFEN STREET, LONDON, E8 1AA"


def test_an_address_without_street_and_building_keeps_how_its_line_begins():
    blpu = held(with_parts("", "", "", street="").replace('"FLAT 2, KESTRELFORD HOUSE, 14 QUILLFEN STREET', '"THE MOORINGS')).blpu(UPRN)
    assert blpu
    assert blpu.lpis[0].pao_text == "THE MOORINGS"


@pytest.mark.parametrize("gss", ["E07000041", "", "S12000033"])
def test_premises_outside_london_are_left_out(gss):
    assert held(FLAT.replace("E09000012", gss)).blpu(UPRN) is None


def test_change_codes_say_what_becomes_of_it():
    deletion = "10099900001" + "," * 26 + "D"
    said = read("\n".join((FLAT, FLAT[:-1] + "U", deletion)))
    assert [(each.key, each.part, each.op, len(each.fields)) for each in said] == [
        *((UPRN, "core", Op.INSERT, 26), (UPRN, "core", Op.UPDATE, 26), (UPRN, "core", Op.DELETE, 0)),
    ]
    assert Held().apply(said).blpu(UPRN) is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (FLAT.replace("10099900001", "x"), r"column 1 \(uprn\) is not 1 to 12 digits"),
        (FLAT.replace("533150.50", "900000"), r"column 7 \(easting\) is outside Great Britain's grid"),
        (FLAT.replace("533150.50", "E"), r"column 7 \(easting\) is not a number"),
        (FLAT.replace("RD06", ""), r"column 6 \(classification_code\) is missing"),
        (FLAT.replace("RD06", "Q"), r"column 6 \(classification_code\) is not a code of AddressBase's scheme"),
        (FLAT.replace("2020-02-10", "2020-02-30"), r"column 12 \(last_update_date\) is not a date \(YYYY-MM-DD\)"),
        (FLAT[:-2], "it has 26 columns, not 27"),
        (FLAT[:-1] + "Z", r"column 27 \(change_code\) is not one of the codes I, U, D"),
    ],
)
def test_a_row_that_cannot_be_used_says_which_column_is_wrong(row, reason):
    with pytest.raises(BadRowError, match=f"^{reason}$"):
        list(Core().read(rows(row)[0]))


@pytest.mark.parametrize("reader", [Core(), OpenUprn()])
def test_a_file_that_holds_nothing_is_refused(reader):
    with pytest.raises(WrongFileError, match="it holds no"):
        reader.end()


@pytest.mark.parametrize("text", [FLAT, premium(*RECORDS)])
def test_open_uprn_moves_what_is_held_and_changes_nothing_else(text):
    before = held(text).blpu(UPRN)
    after = Held().apply([*read(text), *read(OPEN_UPRN)]).blpu(UPRN)
    assert before
    assert after == replace(before, easting=533151.0, northing=184052.0, latitude=51.53942, longitude=-0.08156)
    assert after != before


def test_a_position_alone_is_no_property():
    assert [each.op for each in read(OPEN_UPRN)] == [Op.UPDATE]
    assert held(OPEN_UPRN).blpu(UPRN) is None


def test_premiums_records_stand_before_cores_row():
    both = Held().apply([*read(premium(*RECORDS)), *read(FLAT)])
    assert both.blpu(UPRN) == held(premium(*RECORDS)).blpu(UPRN)


def test_a_bad_position_is_refused():
    with pytest.raises(BadRowError, match=r"column 4 \(LATITUDE\) is outside Great Britain"):
        list(OpenUprn().read(["1", "533151.00", "184052.00", "99.999999", "0.000000"]))
