"""ONSPD, NSPL and Code-Point Open become sources that a release is built from."""

from itertools import chain

import pytest

from services.addresses.domain.addressbase.formats.detect import detect_format
from services.addresses.domain.addressbase.incoming import BadRowError, PostcodeFormat, WrongFileError
from services.addresses.domain.geography.location import Location
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.geography.postcode_records import PostcodeRecord, TerminatedPostcodeRecord
from services.addresses.gazetteer.builds.sources import write_sources
from services.addresses.gazetteer.files.postcodes import Postcodes, write_postcodes
from tests.addresses.address_files import rows

NSPL_2025 = """\
pcd7,pcd8,pcds,dointr,doterm,usrtypind,east1m,north1m,gridind,cty25cd,lad25cd,wd25cd,lsoa21cd,lat,long
"E8 1AA","E8  1AA","E8 1AA","198001","","0","534100","184900","1","E99999999","E09000012","E05009373","E01033708",51.5,-0.06
"E8 1ZZ","E8  1ZZ","E8 1ZZ","198001","199912","0","534000","184800","1","E99999999","E09000012","E05009373","E01033708",51.5,-0.06
"E8 9ZZ","E8  9ZZ","E8 9ZZ","202508","","0","534300","184700","1","E99999999","E09000012","E05099999","E01033708",51.5,-0.06
"E8 9YY","E8  9YY","E8 9YY","202508","","0","","","9","E99999999","E09000012","E05009373","E01033708",99.999999,0.000000
"AB1 0AA","AB1  0AA","AB1 0AA","198001","199606","0","385386","801193","1","S99999999","S12000033","S13002842","S01006514",57.1,-2.2
"""
ONSPD_2022 = """\
"pcd","pcd2","pcds","dointr","doterm","oslaua","osward","usertype","oseast1m","osnrth1m","osgrdind","lsoa11","msoa11","lat","long"
"E8 1AA","E8  1AA","E8 1AA","198001","","E09000012","E05009373","0","0534100","0184900","1","E01001234","E02005678",51.5,-0.06
"E8 1ZZ","E8  1ZZ","E8 1ZZ","198001","199912","E09000012","E05009373","0","0534000","0184800","1","E01001234","E02005678",51.5,-0.06
"""
CODE_POINT = """\
"E8 1AA",10,534101,184901,"E92000001","E19000003","E18000007","","E09000012","E05009373"
"E8  9ZZ",50,534300,184700,"E92000001","E19000003","E18000007","","E09000012","E05009373"
"E8 9YY",90,0,0,"E92000001","E19000003","E18000007","","E09000012","E05009373"
"EN9 1AA",10,538000,200500,"E92000001","E19000002","E18000006","E10000012","E07000072","E05015730"
"""


def read(text: str) -> list[PostcodeRecord | TerminatedPostcodeRecord]:
    found = rows(text)
    reader = detect_format(found[:20])
    assert isinstance(reader, PostcodeFormat)
    said = [row for each in found for row in reader.postcodes(each)]
    reader.end()
    return said


HACKNEY = ("E09000012", "E05009373")


def test_a_lookup_with_the_names_of_2025_gives_londons_live_and_terminated_postcodes():
    assert read(NSPL_2025) == [
        PostcodeRecord("E8 1AA", 1, Location(534_100, 184_900), *HACKNEY, "198001", "", ""),
        TerminatedPostcodeRecord("E8 1ZZ", "199912", Location(534_000, 184_800)),
        PostcodeRecord("E8 9ZZ", 1, Location(534_300, 184_700), "E09000012", "E05099999", "202508", "", ""),
    ]


def test_a_directory_with_the_old_names_gives_the_census_areas_of_2011_too():
    assert read(ONSPD_2022) == [
        PostcodeRecord("E8 1AA", 1, Location(534_100, 184_900), *HACKNEY, "198001", "E01001234", "E02005678"),
        TerminatedPostcodeRecord("E8 1ZZ", "199912", Location(534_000, 184_800)),
    ]


def test_names_of_any_year_will_do_and_the_latest_is_taken():
    of_2031 = NSPL_2025.replace("lad25cd", "lad31cd").replace("wd25cd", "wd31cd").replace("cty25cd", "lad22cd")
    assert read(of_2031) == read(NSPL_2025)


def test_code_point_gives_places_and_areas_but_no_months():
    assert read(CODE_POINT) == [
        PostcodeRecord("E8 1AA", 1, Location(534_101, 184_901), *HACKNEY, "", "", ""),
        PostcodeRecord("E8 9ZZ", 5, Location(534_300, 184_700), *HACKNEY, "", "", ""),
    ]


@pytest.mark.parametrize("text", [NSPL_2025, CODE_POINT])
def test_postcodes_without_a_place_are_left_out_and_counted(text):
    reader = detect_format(rows(text))
    assert isinstance(reader, PostcodeFormat)
    found = [row.postcode for each in rows(text) for row in reader.postcodes(each)]
    assert "E8 9YY" not in found
    assert reader.without_place == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "old", "new", "reason"),
    [
        (NSPL_2025, '"E8 1AA","198001"', '"E8 1A","198001"', r"column 3 \(pcds\) is not a postcode"),
        (NSPL_2025, '"198001",""', '"198013",""', r"column 4 \(dointr\) is not a month \(YYYYMM\)"),
        (NSPL_2025, '"199912"', '"soon"', r"column 5 \(doterm\) is not a month \(YYYYMM\)"),
        (NSPL_2025, "534100", "x", r"column 7 \(east1m\) is not 1 to 7 digits"),
        (NSPL_2025, "E05009373", "", r"column 12 \(wd25cd\) is missing"),
        (NSPL_2025, ",51.5,-0.06", "", "it has 13 columns, not 15"),
        (CODE_POINT, "E8 1AA", "E8", r"column 1 \(PC\) is not a postcode"),
        (CODE_POINT, ",10,", ",15,", r"column 2 \(PQ\) is not one of the codes 10, .*"),
        (CODE_POINT, '"E05009373"', '""', r"column 10 \(WC\) is missing"),
        (CODE_POINT, '"E09000012","E05009373"', '"E09000012"', "it has 9 columns, not 10"),
    ],
)
def test_a_row_that_cannot_be_used_says_which_column_is_wrong(text, old, new, reason):
    reader = detect_format(rows(text))
    assert isinstance(reader, PostcodeFormat)
    with pytest.raises(BadRowError, match=f"^{reason}$"):
        list(chain.from_iterable(map(reader.postcodes, rows(text.replace(old, new)))))


def test_a_lookup_without_a_column_that_is_needed_is_refused():
    with pytest.raises(WrongFileError, match="it has no column for the borough"):
        read(NSPL_2025.replace("lad25cd", "region"))


@pytest.mark.parametrize("text", [NSPL_2025.replace("E09", "E08"), CODE_POINT.replace("E09", "E08")])
def test_a_file_without_london_is_refused(text):
    with pytest.raises(WrongFileError, match="it holds no postcode of London"):
        read(text)


@pytest.fixture(scope="module")
def before(few_sources) -> dict[str, PostcodeRecord]:
    return {row.postcode: row for row in few_sources.live()}


def test_a_lookup_replaces_the_postcodes_of_its_areas_and_keeps_what_it_lacks(tmp_path, few_sources, before):
    written = write_sources(tmp_path / "new", read(NSPL_2025), few_sources, {"E05099999": "Quillton"})
    live = {row.postcode: row for row in written.live()}
    held = before["E8 1AA"]
    assert live["E8 1AA"] == PostcodeRecord(
        *("E8 1AA", 1, Location(534_100, 184_900), *HACKNEY, "198001", held.lsoa_2011, held.msoa_2011),
    )
    assert held.lsoa_2011
    assert live["E8 9ZZ"].introduced == "202508"
    assert [code for code in live if code.startswith("E8 ")] == ["E8 1AA", "E8 9ZZ"]
    assert {code: row for code, row in live.items() if code.startswith("NW")} == {c: r for c, r in before.items() if c.startswith("NW")}
    assert list(written.terminated()) == [TerminatedPostcodeRecord("E8 1ZZ", "199912", Location(534_000, 184_800))]
    assert [ward.name for ward in written.wards() if ward.code == "E05099999"] == ["Quillton"]
    assert written.boroughs() == few_sources.boroughs()


def test_code_point_keeps_months_and_terminated_postcodes_of_before(tmp_path, few_sources, before):
    written = write_sources(tmp_path / "new", read(CODE_POINT), few_sources)
    live = {row.postcode: row for row in written.live()}
    assert live["E8 1AA"] == before["E8 1AA"]._replace(location=Location(534_101, 184_901), quality=1, borough=HACKNEY[0], ward=HACKNEY[1])
    assert live["E8 1AA"].introduced
    assert live["E8 9ZZ"].introduced == ""
    assert list(written.terminated()) == list(few_sources.terminated())


def test_a_release_is_built_from_sources_that_were_written(tmp_path, few_sources):
    written = write_sources(tmp_path / "new", read(NSPL_2025), few_sources)
    (tmp_path / "release").mkdir()
    live, _ = write_postcodes(tmp_path / "release", written)
    postcodes = Postcodes(tmp_path / "release")
    found = postcodes.postcode(Postcode("E8", "9ZZ"))
    postcodes.close()
    assert found
    assert (found.borough_name, found.ward, found.ward_name) == ("Hackney", "E05099999", "E05099999")
    assert live > 1_000


def test_the_same_rows_give_the_same_bytes(tmp_path, few_sources):
    assert (
        write_sources(tmp_path / "a", read(NSPL_2025), few_sources).hashes()
        == write_sources(tmp_path / "b", read(NSPL_2025), few_sources).hashes()
    )


def test_sources_come_out_as_they_are(tmp_path, few_sources):
    written = write_sources(tmp_path / "new", few_sources.live(), few_sources)
    assert sorted(written.live()) == sorted(few_sources.live())
    assert {ward.code for ward in written.wards()} == {row.ward for row in few_sources.live()}


def test_sources_without_a_live_postcode_and_folders_that_are_there_are_refused(tmp_path, few_sources):
    with pytest.raises(ValueError, match="no live postcode"):
        write_sources(tmp_path / "new", [TerminatedPostcodeRecord("E8 1ZZ", "199912", Location(534_000, 184_800))], few_sources)
    with pytest.raises(FileExistsError):
        write_sources(tmp_path, read(CODE_POINT), few_sources)
