"""ZIP files as ONS and Ordnance Survey publish them, and ZIPs that an import refuses."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.addresses.domain.addressbase.incoming import WrongFileError
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.gazetteer.files.postcodes import Postcodes
from services.addresses.gazetteer.imports.job import ImportRefusedError
from services.addresses.gazetteer.imports.source_files import gather, passed_over
from services.addresses.gazetteer.releases.manifest import folder_of

from .import_support import core_file, imported
from .test_formats_postcodes import CODE_POINT, NSPL_2025

ELSEWHERE = '"AB10 1AB",10,394235,806529,"S92000003","","S08000020","","S12000033","S13002842"\n'
HEADERS = (
    "PC,PQ,EA,NO,CY,RH,LH,CC,DC,WC\nPostcode,Positional_quality_indicator,Eastings,Northings,Country_code,NHS_regional_HA_code,"
    "NHS_HA_code,Admin_county_code,Admin_district_code,Admin_ward_code\n"
)
PUBLISHED = {
    "ONSPD_NOV_2025.zip": {
        "Data/ONSPD_NOV_2025_UK.csv": NSPL_2025,
        "Data/multi_csv/ONSPD_NOV_2025_UK_E.csv": NSPL_2025,
        "Documents/LAD (Local Authority District) names and codes UK as at 04_25.csv": "LAD25CD,LAD25NM\nE09000012,Hackney\n",
        "User Guide/ONSPD User Guide Nov 2025.txt": "Guide",
        "readme.txt": "ONSPD",
    },
    "codepo_gb.zip": {
        "Data/CSV/ab.csv": ELSEWHERE,
        "Data/CSV/e.csv": CODE_POINT,
        "Doc/Code-Point_Open_Column_Headers.csv": HEADERS,
        "Doc/licence.txt": "Licence",
        "Doc/metadata.txt": "Metadata",
        "readme.txt": "Code-Point Open",
    },
}


def zipped(path: Path, members: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_zip_is_read_as_it_is(place, tmp_path, name):
    made = imported(place.data_dir, zipped(tmp_path / name, PUBLISHED[name]))
    postcodes = Postcodes(folder_of(place.data_dir, made.release))
    try:
        assert (found := Postcode.parse("E8 9ZZ"))
        assert postcodes.postcode(found)
    finally:
        postcodes.close()
    assert made.bad_rows == 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_ignored_zip_members_are_named(tmp_path, name):
    path = zipped(tmp_path / name, PUBLISHED[name])
    read = {file.member for file in gather([path])}
    assert read == {member for member in PUBLISHED[name] if member.startswith("Data/") and "multi_csv" not in member}
    assert passed_over([path]) == [f"{name}/{member}" for member in sorted(PUBLISHED[name]) if member not in read]


def test_a_zip_within_a_zip_is_refused_by_its_name(place, tmp_path):
    core_file(tmp_path / "core.csv", place.blpus)
    inner = tmp_path / "tile.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.write(tmp_path / "core.csv", "core.csv")
    with zipfile.ZipFile(tmp_path / "order.zip", "w") as archive:
        archive.write(tmp_path / "core.csv", "core.csv")
        archive.write(inner, "tiles/tile.zip")
    with pytest.raises(WrongFileError, match=r"order\.zip holds tiles/tile\.zip, which is packed again: unpack"):
        imported(place.data_dir, tmp_path / "order.zip")


def test_a_zip_of_documents_alone_holds_no_table(place, tmp_path):
    with pytest.raises(WrongFileError, match="holds no"):
        imported(place.data_dir, zipped(tmp_path / "docs.zip", {"readme.txt": "x", "Documents/names.csv": "a,b\n"}))


def test_files_without_a_postcode_of_london_are_refused_where_there_is_no_other(place, tmp_path):
    with pytest.raises(WrongFileError, match=r"ab\.csv.*no postcode of London"):
        imported(place.data_dir, zipped(tmp_path / "codepo.zip", {"Data/CSV/ab.csv": ELSEWHERE}))


def test_a_postcode_of_which_two_rows_differ_is_bad_in_both(place, tmp_path):
    (tmp_path / "e.csv").write_text(CODE_POINT + CODE_POINT.splitlines()[0].replace("534101", "534999") + "\n", encoding="utf-8")
    with pytest.raises(ImportRefusedError, match=r"2 of 5 rows.*e\.csv, line 1: its postcode is in e\.csv, line 5 too"):
        imported(place.data_dir, tmp_path / "e.csv")


def test_where_no_postcode_fits_the_column_is_named(place, tmp_path):
    text = CODE_POINT.replace("E09000012", "Hackney")
    (tmp_path / "e.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ImportRefusedError, match=r"line 1: column 9 \(DC\) is not a GSS code"):
        imported(place.data_dir, tmp_path / "e.csv")


@pytest.mark.parametrize("header", [HEADERS.splitlines()[0], HEADERS.splitlines()[1]])
def test_postcodes_in_small_letters_with_columns_in_another_order_are_read(place, tmp_path, header):
    lines = [line.replace('"', "").split(",") for line in (header, *CODE_POINT.lower().splitlines())]
    (tmp_path / "e.csv").write_text("".join(",".join(line[::-1]) + "\n" for line in lines), encoding="utf-8")
    made = imported(place.data_dir, tmp_path / "e.csv")
    assert made.bad_rows == 0
