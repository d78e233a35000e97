"""Rows of match jobs: read from CSV as spreadsheets write it and from JSON lines, and refused without quoting what they hold."""

import pytest

from services.addresses.domain.matching_jobs.rows import BadLineError, CsvRows, JsonRows, WrittenRow


def test_csv_is_read_as_spreadsheets_write_it():
    reader = CsvRows()
    lines = ["\ufeffid".removeprefix("\ufeff") + ",address,x", '7,"1 ""The"" Hill, ', 'London",', "", ",,", '8,6" pipe lane,']
    rows = [reader.read(number, text) for number, text in enumerate(lines, start=1)]
    reader.end(len(lines))
    assert [row for row in rows if row] == [WrittenRow("7", '1 "The" Hill, \nLondon'), WrittenRow("8", '6" pipe lane')]


def test_a_row_of_many_lines_is_refused_before_it_is_read_again_and_again():
    reader = CsvRows()
    reader.read(1, "id,address")
    for number in range(2, 32):
        reader.read(number, '1,"12 High Street' if number == 2 else "x")
    with pytest.raises(BadLineError, match="at most 10000 characters and 30 lines") as refused:
        reader.read(32, "x")
    assert refused.value.line == 2


def test_a_line_that_cannot_be_used_is_named_without_what_it_holds():
    with pytest.raises(BadLineError) as refused:
        JsonRows().read(12, '{"id": "1", "address": ["5 Secret Lane"]}')
    assert (refused.value.line, refused.value.column) == (12, "address")
    assert "Secret" not in str(refused.value)
