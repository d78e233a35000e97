"""Silent losses that an import must avoid: rows of one key, decimals without a zero, reordered columns, supplies out of order."""

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from services.addresses.domain.addressbase.formats import core
from services.addresses.domain.addressbase.formats import write_core as writing_core
from services.addresses.domain.addressbase.incoming import WrongFileError
from services.addresses.domain.releases.quality import CheckName
from services.addresses.gazetteer.imports.job import ImportRefusedError
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.quality_gate import judge
from services.addresses.gazetteer.serving.activate import go_live

from .import_support import Place, activated, held, imported, premium_file, premium_update, retired

Row = list[str]


def rows_of(place: Place, count: int = 200) -> list[Row]:
    return [[str(value) for value in writing_core.row(blpu)] for blpu in place.blpus if blpu.end_date is None][:count]


def core_rows(path: Path, rows: list[Row], *, end: str = "\n") -> Path:
    text = "".join(",".join(f'"{value}"' if "," in value else value for value in row) + "\n" for row in rows)
    path.write_text(text.removesuffix("\n") + end, encoding="utf-8")
    return path


def column(name: str) -> int:
    return core.COLUMNS.index(name)


def listed(place: Place) -> list[Row]:
    """The rows of the only list of bad rows that a refused import left, by file, line and reason."""
    (file,) = [path for path in (place.data_dir / "imports").glob("*/bad_rows.csv") if not (path.parent / "import.json").exists()]
    return [[row[0], row[1], row[3]] for row in list(csv.reader(file.open(encoding="utf-8")))[1:]]


def spoilt(rows: list[Row], name: str, change: Callable[[str], str]) -> list[Row]:
    at = column(name)
    return [[*row[:at], change(row[at]), *row[at + 1 :]] for row in rows]


# -- repeated keys


def test_premises_whose_uprns_were_rounded_to_one_are_listed_and_none_goes_live(place, tmp_path):
    rows = rows_of(place)
    rows[20][0] = rows[7][0]
    file = core_rows(tmp_path / "core.csv", rows)
    with pytest.raises(ImportRefusedError, match=r"2 of 200 rows cannot be used.*core\.csv, line 8: UPRN \d+ is also in line 21"):
        imported(place.data_dir, file)
    assert [row[:2] for row in listed(place)] == [["core.csv", "8"], ["core.csv", "21"]]
    assert local.live(place.data_dir) == place.release
    made = imported(place.data_dir, file, most_bad_rows=0.02)
    assert (made.rows, made.bad_rows, made.premises) == (200, 2, 198)
    assert int(rows[7][0]) not in {blpu.uprn for blpu in held(place.data_dir, made.release)}, "nothing tells which of the two it is"


def test_a_row_that_comes_twice_as_it_is_is_no_contradiction(place, tmp_path):
    rows = rows_of(place)
    made = imported(place.data_dir, core_rows(tmp_path / "core.csv", [*rows, rows[5]]))
    assert (made.rows, made.bad_rows, made.premises) == (201, 0, 200)


def test_files_of_one_full_supply_may_not_contradict_each_other(place, tmp_path):
    rows = rows_of(place)
    other = spoilt([rows[3]], "organisation", lambda _: "QUILL LTD")
    one, two = core_rows(tmp_path / "core_1.csv", rows), core_rows(tmp_path / "core_2.csv", other)
    with pytest.raises(ImportRefusedError, match="2 of 201 rows"):
        imported(place.data_dir, one, two)
    assert [row[:2] for row in listed(place)] == [["core_1.csv", "4"], ["core_2.csv", "1"]]


def test_contradicting_rows_of_an_update_change_nothing(place, tmp_path):
    house = next(blpu for blpu in place.blpus if blpu.organisation)
    (one,) = [replace(house, organisation="ONE LTD", last_update=date(2026, 1, 2))]
    (two,) = [replace(house, organisation="TWO LTD", last_update=date(2026, 1, 2))]
    text = premium_update(tmp_path / "a.csv", [house], [one]).read_text(encoding="utf-8").splitlines()
    again = premium_update(tmp_path / "b.csv", [house], [two]).read_text(encoding="utf-8").splitlines()
    records = [line.split(",") for line in (*text[1:], *again[1:]) if line.split(",")[0] not in {"29", "99"}]
    for record in records:
        record[2] = "1"
    trailer = text[-1].split(",")
    trailer[2] = str(len(records))
    file = tmp_path / "update.csv"
    file.write_text("\n".join([text[0], *(",".join(record) for record in records), ",".join(trailer), ""]), encoding="utf-8")
    made = imported(place.data_dir, file, most_bad_rows=1.0)
    assert made.bad_rows
    assert {blpu.organisation for blpu in held(place.data_dir, made.release) if blpu.uprn == house.uprn} == {house.organisation}


def test_an_import_that_was_stopped_while_it_sorted_lists_each_bad_row_once(place, tmp_path):
    rows = rows_of(place)
    rows[20][0] = rows[7][0]
    file = core_rows(tmp_path / "core.csv", rows)
    for _ in range(2):
        with pytest.raises(ImportRefusedError, match="2 of 200 rows"):
            imported(place.data_dir, file)
    assert len(listed(place)) == 2


# -- what a value may look like


def test_decimals_without_their_zero_are_read(place, tmp_path):
    rows = spoilt(rows_of(place), "longitude", lambda value: value.replace("-0.", "-.").removeprefix("0"))
    assert all(row[column("longitude")].startswith(("-.", ".")) for row in rows)
    made = imported(place.data_dir, core_rows(tmp_path / "core.csv", rows))
    longitudes = {blpu.uprn: blpu.longitude for blpu in place.blpus}
    assert (made.bad_rows, made.premises) == (0, 200)
    assert all(blpu.longitude == longitudes[blpu.uprn] for blpu in held(place.data_dir, made.release))


def test_postcodes_in_small_letters_are_read(place, tmp_path):
    made = imported(place.data_dir, core_rows(tmp_path / "core.csv", spoilt(rows_of(place), "postcode", str.lower)))
    assert made.bad_rows == 0
    assert {blpu.postcode_locator for blpu in held(place.data_dir, made.release)} <= {blpu.postcode_locator for blpu in place.blpus}


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("last_update_date", lambda _: "01/09/2025", "column 12 (last_update_date) is not a date (YYYY-MM-DD)"),
        ("uprn", lambda _: "9.99E+11", "column 1 (uprn) was rounded by a spreadsheet (written like 9.99E+11): export that column as text"),
        ("easting", lambda _: "east", "column 7 (easting) is not a number"),
        ("postcode", lambda _: "NOWHERE", "column 24 (postcode) is not a postcode"),
    ],
)
def test_where_no_row_fits_the_column_and_every_line_are_named(place, tmp_path, name, change, reason):
    file = core_rows(tmp_path / "core.csv", spoilt(rows_of(place), name, change))
    with pytest.raises(ImportRefusedError) as refused:
        imported(place.data_dir, file)
    assert "200 of 200 rows cannot be used" in str(refused.value)
    assert f"core.csv, line 1: {reason}" in str(refused.value)
    assert listed(place) == [["core.csv", str(line), reason] for line in range(1, 201)]


def test_where_no_position_fits_the_column_is_named(place, tmp_path):
    file = tmp_path / "osopenuprn.csv"
    file.write_text(
        "UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE\n" + "9.99E+11,533150,184050,51.5394,-0.0815\n" * 30, encoding="utf-8"
    )
    with pytest.raises(ImportRefusedError, match=r"line 2: column 1 \(UPRN\) was rounded by a spreadsheet"):
        imported(place.data_dir, file)
    assert len(listed(place)) == 30


def test_positions_without_a_header_that_do_not_fit_say_why(place, tmp_path):
    file = tmp_path / "positions.csv"
    file.write_text("9.99E+11,533150,184050,51.5394,-0.0815\n" * 30, encoding="utf-8")
    with pytest.raises(WrongFileError, match=r"as many columns as open-uprn, but of its first row column 1 \(UPRN\) was rounded"):
        imported(place.data_dir, file)


@pytest.mark.parametrize("placeholder", ["NULL", "N/A", "-", "null", "#N/A", r"\N", " NULL "])
def test_a_placeholder_is_an_empty_value(place, tmp_path, placeholder):
    rows = [[value or placeholder for value in row] for row in rows_of(place)]
    made = imported(place.data_dir, core_rows(tmp_path / "core.csv", rows))
    before = {blpu.uprn: blpu for blpu in place.blpus}
    found = held(place.data_dir, made.release)
    assert (made.bad_rows, len(found)) == (0, 200)
    assert all(blpu.organisation == before[blpu.uprn].organisation for blpu in found)
    assert placeholder.strip() not in {text for blpu in found for lpi in blpu.lpis for text in (lpi.sao_text, lpi.pao_text, lpi.street)}


def test_a_placeholder_in_premium_is_an_empty_value(place, tmp_path):
    text = premium_file(tmp_path / "full.csv", place.blpus).read_text(encoding="utf-8")
    lines = [",".join(value or "NULL" for value in line.split(",")) if line[:3] in {"24,", "28,"} else line for line in text.splitlines()]
    (tmp_path / "nulls.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    made = imported(place.data_dir, tmp_path / "nulls.csv", most_bad_rows=0.0)
    assert held(place.data_dir, made.release) == place.blpus


# -- headers


def test_columns_are_read_by_the_names_in_the_header(place, tmp_path):
    rows = rows_of(place)
    named = [list(core.COLUMNS), *rows]
    plain = imported(place.data_dir, core_rows(tmp_path / "plain.csv", named))
    turned = imported(place.data_dir, core_rows(tmp_path / "turned.csv", [row[::-1] for row in named]))
    assert turned.bad_rows == plain.bad_rows == 0
    assert held(place.data_dir, turned.release) == held(place.data_dir, plain.release)


def test_a_header_that_names_other_columns_is_refused_by_their_names(place, tmp_path):
    names = ["address" if name == "single_line_address" else name for name in core.COLUMNS]
    with pytest.raises(WrongFileError, match="AddressBase Core: it lacks single_line_address and has 'address'"):
        imported(place.data_dir, core_rows(tmp_path / "core.csv", [names, *rows_of(place)]))


def test_positions_are_read_by_the_names_in_the_header(place, tmp_path):
    house = place.blpus[0]
    file = tmp_path / "osopenuprn.csv"
    row = f"{house.longitude},{house.latitude},{house.northing},{house.easting + 1},{house.uprn}\n"
    file.write_text("LONGITUDE,LATITUDE,Y_COORDINATE,X_COORDINATE,UPRN\n" + row, encoding="utf-8")
    made = imported(place.data_dir, file)
    assert held(place.data_dir, made.release)[0].easting == house.easting + 1


# -- the order of supplies, and whose changes they are


def with_day(path: Path, day: str) -> Path:
    """A Premium file that was processed on another day."""
    header, rest = path.read_text(encoding="utf-8").split("\n", 1)
    fields = header.split(",")
    fields[3] = day
    path.write_text(",".join(fields) + "\n" + rest, encoding="utf-8")
    return path


def test_an_older_update_after_a_newer_one_needs_somebody_to_accept_it(place, tmp_path):
    before = place.blpus
    newer = with_day(premium_update(tmp_path / "a.csv", before, [retired(before[0]), *before[1:]]), "2026-03-01")
    activated(place.data_dir, imported(place.data_dir, newer).release)
    older = with_day(premium_update(tmp_path / "b.csv", before, [before[0], retired(before[1]), *before[2:]]), "2026-02-01")
    made = imported(place.data_dir, older)
    (check,) = [check for check in judge(place.data_dir, made.release).checks if check.name == CheckName.ORDER]
    assert not check.passed
    assert check.about == "AddressBase Premium, made up: 2026-02-01 after 2026-03-01"
    assert not go_live(place.data_dir, made.release).passed
    assert go_live(place.data_dir, made.release, [CheckName.ORDER]).passed


def test_rows_that_are_older_than_what_they_replace_need_somebody_to_accept_them(place, tmp_path):
    rows = rows_of(place)
    activated(place.data_dir, imported(place.data_dir, core_rows(tmp_path / "full.csv", rows)).release)
    change = [[*rows[5][:-1], "U"] for _ in range(2)]
    for row, name, day in zip(change, ("NEW LTD", "OLD LTD"), ("2026-03-01", "2026-02-01"), strict=True):
        row[column("organisation")], row[column("last_update_date")] = name, day
    activated(place.data_dir, imported(place.data_dir, core_rows(tmp_path / "one.csv", [change[0]])).release)
    made = imported(place.data_dir, core_rows(tmp_path / "two.csv", [change[1]]))
    (check,) = [check for check in judge(place.data_dir, made.release).checks if check.name == CheckName.ORDER]
    assert (check.passed, check.about) == (False, "records that are older than what they replace: 1")
    assert not go_live(place.data_dir, made.release).passed


def test_updates_in_their_order_pass(place, tmp_path):
    before, step = place.blpus, [retired(place.blpus[0]), *place.blpus[1:]]
    for name, day, (old, new) in (
        ("a", "2026-02-01", (before, step)),
        ("b", "2026-03-01", (step, [step[0], retired(step[1]), *step[2:]])),
    ):
        made = imported(place.data_dir, with_day(premium_update(tmp_path / f"{name}.csv", old, new), day))
        assert go_live(place.data_dir, made.release).passed


def test_changes_of_another_product_are_refused(place, tmp_path):
    rows = [[*row[:-1], "U"] for row in rows_of(place, 3)]
    with pytest.raises(ImportRefusedError, match="changes of AddressBase Core, and the live release was imported from AddressBase Premium"):
        imported(place.data_dir, core_rows(tmp_path / "core.csv", rows))


# -- ends of files


def test_a_last_row_without_a_line_end_is_read_if_it_is_whole(place, tmp_path):
    rows = rows_of(place)
    made = imported(place.data_dir, core_rows(tmp_path / "core.csv", rows, end=""))
    assert (made.rows, made.bad_rows, made.premises) == (200, 0, 200)
    with pytest.raises(WrongFileError, match="cut off"):
        imported(place.data_dir, core_rows(tmp_path / "core.csv", [*rows[:-1], rows[-1][:20]], end=""))
    premium = premium_file(tmp_path / "premium.csv", place.blpus)
    premium.write_bytes(premium.read_bytes().rstrip())
    assert imported(place.data_dir, premium).bad_rows == 0
