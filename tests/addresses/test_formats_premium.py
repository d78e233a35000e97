"""AddressBase Premium: its record types become records of the gazetteer, and a file that is not whole is refused."""

from datetime import date

import pytest

from services.addresses.domain.addressbase.formats.premium import Premium
from services.addresses.domain.addressbase.incoming import BadRowError, Op, WrongFileError
from services.addresses.domain.addressbase.records import BlpuState, DeliveryPoint, Language, LogicalStatus, Numbering
from tests.addresses.address_files import (
    BLPU,
    CLASSIFICATION,
    DELIVERY_POINT,
    DESCRIPTOR,
    HEADER,
    LPI,
    METADATA,
    OLD_STREET,
    RECORDS,
    STREET,
    held,
    premium,
    read,
    rows,
)

UPRN = 10_099_900_001


def cross_reference(key: str, value: str, source: str, ended: str = "") -> str:
    return f'23,"I",9,{UPRN},"5360X{key}","{value}",,"{source}",2016-02-07,{ended},2016-02-07,2016-02-07'


def one_row(text: str) -> Premium:
    """A reader that has read a header, and then this row."""
    reader = Premium()
    for row in rows(f"{HEADER}\n{text}"):
        list(reader.read(row))
    return reader


def test_a_flat_with_its_delivery_point_comes_out_as_the_council_and_royal_mail_write_it():
    blpu = held(premium(*RECORDS)).blpu(UPRN)
    assert blpu is not None
    assert (blpu.easting, blpu.northing, blpu.latitude, blpu.longitude) == (533150.5, 184050.25, 51.5394012, -0.0815734)
    assert (blpu.parent_uprn, blpu.borough, blpu.custodian, blpu.classification) == (10_099_900_000, "E09000012", 5360, "RD06")
    assert (blpu.state, blpu.state_date, blpu.postal_address) == (BlpuState.IN_USE, date(2001, 5, 4), "D")
    assert (blpu.start_date, blpu.end_date, blpu.last_update) == (date(2007, 6, 19), None, date(2020, 2, 10))
    (lpi,) = blpu.lpis
    assert (lpi.sao, lpi.pao, lpi.pao_text) == (Numbering(2), Numbering(14, "A", 16, "B"), "KESTRELFORD HOUSE")
    assert (lpi.street, lpi.town, lpi.administrative_area, lpi.area_name) == ("QUILLFEN STREET", "LONDON", "HACKNEY", "SHOREDITCH")
    assert (lpi.street_state, lpi.street_classification, lpi.usrn) == ("2", "8", 20_499_901)
    assert blpu.delivery_point == DeliveryPoint(
        udprn=52_999_901,
        postcode="E8 1AA",
        post_town="LONDON",
        organisation_name="QUILL LTD",
        department_name="ACCOUNTS",
        sub_building_name="FLAT 2",
        building_name="KESTRELFORD HOUSE",
        building_number="14",
        dependent_thoroughfare="FOXGLEN MEWS",
        thoroughfare="QUILLFEN STREET",
        double_dependent_locality="LITTLE QUILL",
        dependent_locality="QUILLTON",
        delivery_point_suffix="1A",
        last_update=date(2016, 2, 10),
    )


def test_street_rows_of_before_there_were_degrees_say_the_same():
    assert held(premium(OLD_STREET, *RECORDS[1:])).blpu(UPRN) == held(premium(*RECORDS)).blpu(UPRN)


def test_a_welsh_lpi_has_the_welsh_name_of_its_street_and_comes_after_the_english_one():
    welsh_name = DESCRIPTOR.replace("QUILLFEN STREET", "STRYD CWILFFEN").replace('"ENG"', '"CYM"')
    welsh = LPI.replace("5360L000099901", "5360L000099900").replace('"ENG"', '"CYM"').replace("KESTRELFORD HOUSE", "TY CUDYLL")
    blpu = held(premium(*RECORDS, welsh_name, welsh)).blpu(UPRN)
    assert blpu
    assert [(lpi.language, lpi.street, lpi.pao_text) for lpi in blpu.lpis] == [
        (Language.ENGLISH, "QUILLFEN STREET", "KESTRELFORD HOUSE"),
        (Language.WELSH, "STRYD CWILFFEN", "TY CUDYLL"),
    ]


def test_a_street_without_a_welsh_name_has_its_english_one_in_a_welsh_lpi():
    welsh = LPI.replace("5360L000099901", "5360L000099902").replace('"ENG"', '"CYM"')
    blpu = held(premium(*RECORDS, welsh)).blpu(UPRN)
    assert blpu
    assert [lpi.street for lpi in blpu.lpis] == ["QUILLFEN STREET", "QUILLFEN STREET"]


def test_a_street_with_a_welsh_name_alone_has_it_in_english_lpis_too():
    blpu = held(premium(*(each for each in RECORDS if each != DESCRIPTOR), DESCRIPTOR.replace('"ENG"', '"CYM"'))).blpu(UPRN)
    assert blpu
    assert [lpi.street for lpi in blpu.lpis] == ["QUILLFEN STREET"]


def test_the_approved_lpi_comes_first_and_the_others_are_kept():
    def lpi(key: str, status: int) -> str:
        return LPI.replace("5360L000099901", key).replace('"ENG",1', f'"ENG",{status}')

    found = held(premium(*RECORDS, lpi("5360A000000001", 8), lpi("5360B000000001", 3), lpi("5360C000000001", 6))).blpu(UPRN)
    assert found
    assert [int(each.logical_status) for each in found.lpis] == [1, 6, 8, 3]


def test_of_several_classification_schemes_addressbases_counts():
    voa = (
        CLASSIFICATION.replace("5360C000099901", "5360C000099902")
        .replace("RD06", "096G")
        .replace("AddressBase Premium Cl", "VOA Special C")
    )
    councils = CLASSIFICATION.replace("5360C000099901", "5360C000099900").replace("RD06", "H").replace("AddressBase Premium", "Council")
    for order in ((CLASSIFICATION, voa, councils), (councils, voa, CLASSIFICATION)):
        blpu = held(premium(*(each for each in RECORDS if each != CLASSIFICATION), *order)).blpu(UPRN)
        assert blpu
        assert blpu.classification == "RD06"


def test_a_classification_that_ended_counts_only_where_none_is_in_force():
    ended = (
        CLASSIFICATION.replace("5360C000099901", "5360C000099909").replace("RD06", "RD04").replace(",,2020-02-10", ",2021-01-01,2021-01-01")
    )
    without = [each for each in RECORDS if each != CLASSIFICATION]
    both, only = held(premium(*RECORDS, ended)).blpu(UPRN), held(premium(*without, ended)).blpu(UPRN)
    assert both
    assert only
    assert (both.classification, only.classification) == ("RD06", "RD04")


@pytest.mark.parametrize(("ward_source", "parish_source"), [("7666OW", "7666MI"), ("7666MI", "7666OW"), ("7666OW", "7666OW")])
def test_wards_and_parishes_are_told_by_their_codes_whatever_the_source(ward_source, parish_source):
    references = (
        cross_reference("000000001", "E05009373", ward_source),
        cross_reference("000000002", "E04013057", parish_source),
        cross_reference("000000003", "osgb1000000000999", "7666MT"),
        cross_reference("000000004", "44699912", "7666VC"),
        cross_reference("000000005", "E05000231", ward_source, ended="2014-05-01"),
    )
    blpu = held(premium(*RECORDS, *references)).blpu(UPRN)
    assert blpu
    assert (blpu.ward, blpu.parish, blpu.toid) == ("E05009373", "E04013057", "osgb1000000000999")
    assert blpu.cross_references == (("7666VC", "44699912"),)


def test_organisation_and_successors_are_read():
    organisation = f'31,"I",9,{UPRN},"5360O000099901","QUILL BAKERS","QUILL (BAKERS) LTD",2016-02-07,,2016-02-07,2016-02-07'
    ended = organisation.replace("99901", "99902").replace("QUILL BAKERS", "OLD CO").replace(",,2016", ",2017-01-01,2017")
    successors = [
        f'30,"I",9,{UPRN},"5360S00009990{at}",2020-01-01,,2020-01-01,2020-01-01,{uprn}' for at, uprn in enumerate((10_099_900_009, 77))
    ]
    blpu = held(premium(*RECORDS, organisation, ended, *successors)).blpu(UPRN)
    assert blpu
    assert (blpu.organisation, blpu.legal_name, blpu.successors) == ("QUILL BAKERS", "QUILL (BAKERS) LTD", (77, 10_099_900_009))


def test_rows_say_what_they_do_about_which_part_in_which_order():
    deleted = LPI.replace('"I",4', '"D",44')
    updated = BLPU.replace('"I",3', '"U",45')
    said = read(premium(*RECORDS, deleted, updated))
    assert [(each.key, each.part, each.op, each.order) for each in said] == [
        (-20_499_901, "11", Op.INSERT, 1),
        (-20_499_901, "15 ENG", Op.INSERT, 2),
        (UPRN, "21", Op.INSERT, 3),
        (UPRN, "24 5360L000099901", Op.INSERT, 4),
        (UPRN, "32 5360C000099901", Op.INSERT, 5),
        (UPRN, "28 52999901", Op.INSERT, 6),
        (UPRN, "24 5360L000099901", Op.DELETE, 44),
        (UPRN, "21", Op.UPDATE, 45),
    ]
    assert [each.fields for each in said if each.op is Op.DELETE] == [()]


def test_a_deletion_needs_only_to_say_what_is_deleted():
    bare = f'24,"D",9,{UPRN},"5360L000099901"' + "," * 21
    assert [each.op for each in read(premium(bare))] == [Op.DELETE]
    with pytest.raises(BadRowError, match=r"column 5 \(LPI_KEY\) is missing"):
        one_row(f'24,"D",9,{UPRN},' + "," * 21)


def test_leading_zeros_do_not_make_another_uprn():
    assert read(premium(BLPU.replace("10099900001", "010099900001")))[0].key == UPRN
    assert read(premium(BLPU.replace("10099900001", "00000000010099900001")))[0].key == UPRN


def test_premises_outside_london_are_left_out():
    assert held(premium(STREET, DESCRIPTOR, BLPU.replace(",5360,", ",1110,"), LPI, CLASSIFICATION)).blpu(UPRN) is None


def test_premises_of_no_borough_are_placed_by_their_ward():
    records = (
        STREET,
        DESCRIPTOR,
        BLPU.replace(",5360,", ",7655,"),
        LPI,
        CLASSIFICATION,
        cross_reference("000000001", "E05009373", "7666OW"),
    )
    found = held(premium(*records))
    assert found.blpu(UPRN) is None
    blpu = found.blpu(UPRN, {"E05009373": "E09000012"})
    assert blpu
    assert (blpu.borough, blpu.custodian) == ("E09000012", 7655)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (BLPU, r"the BLPU \(type 21\) of UPRN 10099900001 is missing"),
        (CLASSIFICATION, r"the classification \(type 32\) of UPRN 10099900001 is missing"),
        (DESCRIPTOR, r"the name \(type 15\) of the street with USRN 20499901 is missing"),
    ],
)
def test_a_property_with_a_part_missing_is_refused(missing, reason):
    with pytest.raises(BadRowError, match=reason):
        held(premium(*(each for each in RECORDS if each != missing))).blpu(UPRN)


def test_a_street_without_its_own_row_is_one_whose_state_is_not_known():
    blpu = held(premium(*RECORDS[1:])).blpu(UPRN)
    assert blpu
    assert (blpu.lpis[0].street, blpu.lpis[0].street_state) == ("QUILLFEN STREET", "")


def test_what_is_gone_but_for_its_successors_is_no_property():
    successor = f'30,"I",9,{UPRN},"5360S000099901",2020-01-01,,2020-01-01,2020-01-01,77'
    assert held(premium(successor)).blpu(UPRN) is None


def test_a_property_without_a_delivery_point_has_none():
    blpu = held(premium(*(each for each in RECORDS if each != DELIVERY_POINT))).blpu(UPRN)
    assert blpu
    assert blpu.delivery_point is None
    assert blpu.postcode == "E8 1AA"
    assert blpu.logical_status is LogicalStatus.APPROVED


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (BLPU.replace("10099900001", "1234567890123"), r"column 4 \(UPRN\) is not 1 to 12 digits"),
        (BLPU.replace("10099900001", ""), r"column 4 \(UPRN\) is missing"),
        (BLPU.replace("10099900001", "0" * 5_000 + "1"), r"column 4 \(UPRN\) is not 1 to 12 digits"),
        (BLPU.replace("10099900001", "0"), r"column 4 \(UPRN\) is not 1 to 12 digits"),
        (BLPU.replace("10099900001", "1٢3"), r"column 4 \(UPRN\) is not 1 to 12 digits"),
        (BLPU.replace("533150.50", "53N150"), r"column 9 \(X_COORDINATE\) is not a number"),
        (BLPU.replace("533150.50", "-5.00"), r"column 9 \(X_COORDINATE\) is outside Great Britain's grid"),
        (BLPU.replace("533150.50", "NaN"), r"column 9 \(X_COORDINATE\) is not a number"),
        (BLPU.replace("184050.25", "1300000.01"), r"column 10 \(Y_COORDINATE\) is outside Great Britain's grid"),
        (BLPU.replace("51.5394012", "-0.0815734"), r"column 11 \(LATITUDE\) is outside Great Britain"),
        (BLPU.replace("-0.0815734", "51.5394012"), r"column 12 \(LONGITUDE\) is outside Great Britain"),
        (BLPU.replace("2020-02-10", "2023-02-29"), r"column 18 \(LAST_UPDATE_DATE\) is not a date \(YYYY-MM-DD\)"),
        (BLPU.replace("2020-02-10", "10/02/2020"), r"column 18 \(LAST_UPDATE_DATE\) is not a date \(YYYY-MM-DD\)"),
        (BLPU.replace(",1,2,2001", ",3,2,2001"), r"column 5 \(LOGICAL_STATUS\) is not one of the codes 1, 6, 8"),
        (BLPU.replace('"E8 1AA"', '"E8"'), r"column 21 \(POSTCODE_LOCATOR\) is not a postcode"),
        (BLPU.replace('"I"', '"X"'), r"column 2 \(CHANGE_TYPE\) is not one of the codes I, U, D"),
        (BLPU + ",", r"it has 23 columns, not 22"),
        (STREET + ",,", r"it has 26 columns, not 24"),
        (LPI.replace("KESTRELFORD HOUSE", "KESTREL\tFORD"), r"column 21 \(PAO_TEXT\) holds a control character"),
        (LPI.replace("KESTRELFORD HOUSE", "KESTREL\0FORD"), r"column 21 \(PAO_TEXT\) holds a control character"),
        (LPI.replace("KESTRELFORD HOUSE", "KESTREL\x1fFORD"), r"column 21 \(PAO_TEXT\) holds a control character"),
        (LPI.replace("KESTRELFORD HOUSE", "CAF�"), r"column 21 \(PAO_TEXT\) holds bytes that are not UTF-8"),
        (
            LPI.replace("KESTRELFORD HOUSE", b"CAF\xc9".decode(errors="surrogateescape")),
            r"column 21 \(PAO_TEXT\) holds bytes that are not UTF-8",
        ),
        (LPI.replace("KESTRELFORD HOUSE", "K" * 201), r"column 21 \(PAO_TEXT\) is longer than 200 characters"),
        (CLASSIFICATION.replace("RD06", "Q99"), r"column 6 \(CLASSIFICATION_CODE\) is not a code of AddressBase's scheme"),
        (CLASSIFICATION.replace("RD06", ""), r"column 6 \(CLASSIFICATION_CODE\) is missing"),
        (DELIVERY_POINT.replace("E8 1AA", "NOWHERE"), r"column 16 \(POSTCODE\) is not a postcode"),
        (DESCRIPTOR.replace('"ENG"', '"FRA"'), r"column 9 \(LANGUAGE\) is not one of the codes ENG, CYM, GAE"),
        ("44,I,1,2", r"column 1 \(RECORD_IDENTIFIER\) is not a record type"),
    ],
)
def test_a_row_that_cannot_be_used_says_which_column_is_wrong_and_shows_no_address(row, reason):
    with pytest.raises(BadRowError, match=f"^{reason}$") as refused:
        one_row(row)
    assert not any(name in str(refused.value) for name in ("KESTREL", "QUILL", "NOWHERE", "CAF"))


def test_a_trailer_counts_bad_rows_too():
    reader = Premium()
    for row in rows(premium(BLPU, "44,I,1,2", BLPU + ",")):
        try:
            list(reader.read(row))
        except BadRowError:
            continue
    reader.end()


def test_headers_and_trailers_tell_the_volume_and_what_kind_of_supply_it_is():
    reader = Premium()
    for row in rows(premium(*RECORDS, header=HEADER.replace(",1,2025", ",7,2025").replace('"F"', '"C"'), following=8)):
        list(reader.read(row))
    reader.end()
    assert (reader.volume, reader.next_volume, reader.change_only) == (7, 8, True)


def test_volumes_that_were_put_together_are_read_as_one():
    second = premium(BLPU, header=HEADER.replace(",1,2025", ",2,2025"))
    assert len(read(premium(*RECORDS, following=2) + second)) == len(RECORDS) + 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n".join((HEADER, *RECORDS)), r"it ends without a trailer \(type 99\): it was cut off"),
        ("\n".join(RECORDS), r"it has records before its header \(type 10\)"),
        (premium(*RECORDS).replace("99,0,6", "99,0,7"), "its trailer counts 7 records where 6 came: it was cut off or put together"),
        (premium(*RECORDS, following=9), "its trailer says that volume 9 follows volume 1"),
        (premium(*RECORDS).replace("99,0,6", "99,0,six"), r"its trailer \(type 99\) cannot be read: column 3 \(RECORD_COUNT\)"),
        (premium(*RECORDS) + BLPU, r"it has records after its trailer \(type 99\)"),
        (premium(*RECORDS) + premium(*RECORDS), "volume 1 comes where volume 0 should"),
        (f"{HEADER}\n{BLPU}\n{HEADER}\n{BLPU}", r"before the trailer \(type 99\) of what came before"),
        (HEADER.replace('"F"', '"Z"') + "\n" + BLPU, r"its header \(type 10\) cannot be read: column 9 \(FILE_TYPE\)"),
        (METADATA, r"its metadata \(type 29\) is outside of header and trailer"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(text, reason):
    with pytest.raises(WrongFileError, match=reason):
        read(text, "premium")


def test_a_file_without_anything_is_refused_at_its_end():
    with pytest.raises(WrongFileError, match=r"it has no header \(type 10\)"):
        Premium().end()
