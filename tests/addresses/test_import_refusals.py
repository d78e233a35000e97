"""Files that an import refuses: it uses and keeps nothing of them, and the live release stays live."""

import csv
import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from services.addresses.domain.addressbase.formats.write_premium import Volumes, full_supply
from services.addresses.domain.addressbase.incoming import WrongFileError
from services.addresses.gazetteer.imports.job import ImportRefusedError, one_at_a_time
from services.addresses.gazetteer.imports.source_files import gather
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.local import current

from .import_support import MADE_UP, Place, core_file, imported, premium_file

Harm = Callable[[Path], object]


@pytest.fixture(scope="module")
def premium(full_supply, tmp_path_factory) -> bytes:
    """A full supply of some of the premises."""
    return premium_file(tmp_path_factory.mktemp("premium") / "file.csv", full_supply.blpus[:40]).read_bytes()


@pytest.fixture
def untouched(full_supply):
    """The data dir, in which nothing may have changed at the end."""
    before = (current(full_supply.data_dir)[1], local.releases(full_supply.data_dir), jobs(full_supply))
    yield full_supply
    assert (current(full_supply.data_dir)[1], local.releases(full_supply.data_dir), jobs(full_supply)) == before


def jobs(place: Place) -> set[str]:
    return {folder.name for folder in (place.data_dir / "imports").iterdir()}


def without(content: bytes, record: bytes) -> bytes:
    return b"".join(line for line in content.splitlines(keepends=True) if not line.startswith(record))


def recounted(content: bytes, by: int) -> bytes:
    """With a trailer that counts so many more."""
    *lines, trailer = content.splitlines(keepends=True)
    fields = trailer.split(b",")
    return b"".join([*lines, b",".join([*fields[:2], str(int(fields[2]) + by).encode(), *fields[3:]])])


def without_a_row(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(lines[:20] + lines[21:])


HARMED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a row that is cut off": (lambda good: good[:-4], "cut off"),
    "rows that are missing at the end": (lambda good: good[: good.index(b"\n", len(good) // 2) + 1], "without a trailer"),
    "a missing trailer": (lambda good: without(good, b"99,"), "without a trailer"),
    "a trailer that counts others": (lambda good: recounted(good, 1), "trailer counts"),
    "a lost row": (without_a_row, "trailer counts"),
    "UTF-16": (lambda good: good.decode().encode("utf-16"), "UTF-16"),
    "nothing": (lambda good: good[:0], "is empty"),
    "a truncated gzip": (lambda good: gzip.compress(good)[:-200], "does not decompress"),
    "a truncated zip": (lambda good: b"PK\x03\x04" + good, "ZIP"),
    "a web page": (lambda good: b"<!DOCTYPE html>\n" + good, "web page"),
    "a table of something else": (lambda good: b"name,colour\nfox,red\n" * len(good), "none of the formats"),
}


@pytest.mark.parametrize("case", HARMED)
def test_a_file_is_refused_with_its_name_and_the_old_release_serves_on(untouched, premium, tmp_path, case):
    harm, said = HARMED[case]
    file = tmp_path / "supply_001.csv"
    file.write_bytes(harm(premium))
    with pytest.raises(WrongFileError, match=said) as refused:
        imported(untouched.data_dir, file)
    assert "supply_001.csv" in str(refused.value)


def test_the_same_file_twice_is_refused(untouched, premium, tmp_path):
    (tmp_path / "a.csv").write_bytes(premium)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(premium))
    with pytest.raises(WrongFileError, match=r"b\.csv\.gz and a\.csv hold the same rows"):
        imported(untouched.data_dir, tmp_path / "a.csv", tmp_path / "b.csv.gz")


def test_files_of_two_formats_are_refused_and_a_format_that_is_not_the_wanted_one(untouched, premium, tmp_path):
    (tmp_path / "a.csv").write_bytes(premium)
    core = core_file(tmp_path / "b.csv", untouched.blpus[:40])
    with pytest.raises(WrongFileError, match=r"b\.csv is core and a\.csv is premium"):
        imported(untouched.data_dir, tmp_path / "a.csv", core)
    with pytest.raises(WrongFileError, match=r"b\.csv: it is not premium: it looks like core"):
        imported(untouched.data_dir, core, format="premium")


def test_a_missing_volume_is_refused(untouched, tmp_path):
    files = []
    for number, volume in enumerate(Volumes(full_supply(untouched.blpus[:60]), MADE_UP, 100), start=1):
        files.append(tmp_path / f"volume_{number:03d}.csv")
        with files[-1].open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows(volume)
    assert len(files) > 2
    with pytest.raises(WrongFileError, match="volume 2"):
        imported(untouched.data_dir, files[0], *files[2:])
    with pytest.raises(WrongFileError, match=f"volume {len(files)} is missing"):
        imported(untouched.data_dir, *files[:-1])


def bad_core(place: Place, file: Path, bad: int) -> Path:
    """Write a file of 200 rows, some of them unusable."""
    lines = core_file(file, [blpu for blpu in place.blpus if blpu.end_date is None][:200]).read_bytes().splitlines(keepends=True)
    assert len(lines) == 200
    spoilt = [b"\xff\xfe QUILL\r\n", b'1,"2\r\n', b"1,2,3\r\n", lines[3].replace(b",", b",\x01", 1)]
    for number in range(bad):
        lines[10 + number] = spoilt[number % len(spoilt)]
    file.write_bytes(b"".join(lines))
    return file


def test_bad_rows_are_left_out_up_to_the_limit_and_listed_by_line_without_what_they_say(place, tmp_path):
    made = imported(place.data_dir, bad_core(place, tmp_path / "core.csv", 4), most_bad_rows=0.02)
    assert (made.rows, made.bad_rows, made.premises) == (200, 4, 196)
    listed = (place.data_dir / "imports" / made.job / "bad_rows.csv").read_text(encoding="utf-8").splitlines()
    assert listed[0] == "file,line,uprn,reason"
    assert listed[1] == "core.csv,11,,it is not UTF-8"
    assert [line.split(",")[:2] for line in listed[1:]] == [["core.csv", str(number)] for number in (11, 12, 13, 14)]
    assert "QUILL" not in "".join(listed)


def test_more_bad_rows_than_allowed_stop_the_import_and_the_first_are_shown(place, tmp_path):
    file = bad_core(place, tmp_path / "core.csv", 5)
    before = local.releases(place.data_dir)
    with pytest.raises(ImportRefusedError, match=r"5 of 200 rows cannot be used.*2\.00%.*core\.csv, line 11: it is not UTF-8"):
        imported(place.data_dir, file, most_bad_rows=0.02)
    assert local.releases(place.data_dir) == before
    assert local.live(place.data_dir) == place.release
    assert imported(place.data_dir, file, most_bad_rows=0.03).bad_rows == 5
    with pytest.raises(ImportRefusedError, match="5 of 200 rows"):
        imported(place.data_dir, file, most_bad_rows=0.02)


def test_one_bad_row_of_few_is_too_many_unless_more_are_allowed(place, tmp_path):
    with pytest.raises(ImportRefusedError, match="1 of 200 rows"):
        imported(place.data_dir, bad_core(place, tmp_path / "core.csv", 1))


def test_rows_that_do_not_fit_together_count_as_bad_and_are_listed_by_uprn(place, premium, tmp_path):
    lines = premium.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith(b"21,"))
    uprn = lines.pop(at).split(b",")[3].decode()
    file = tmp_path / "premium.csv"
    file.write_bytes(recounted(b"".join(lines), -1))
    with pytest.raises(ImportRefusedError, match=f"1 of 40 UPRNs cannot be used.*UPRN {uprn}: "):
        imported(place.data_dir, file)
    made = imported(place.data_dir, file, most_bad_rows=0.05)
    assert (made.incomplete, made.premises) == (1, 39)
    assert f",,{uprn}," in (place.data_dir / "imports" / made.job / "bad_rows.csv").read_text(encoding="utf-8")


def test_a_second_import_at_the_same_time_is_refused(place, premium, tmp_path):
    (tmp_path / "a.csv").write_bytes(premium)
    with one_at_a_time(place.data_dir), pytest.raises(ImportRefusedError, match="Another import"):
        imported(place.data_dir, tmp_path / "a.csv")


def test_changes_are_not_taken_for_a_full_supply(place, tmp_path):
    rows = core_file(tmp_path / "core.csv", place.blpus[:40]).read_text(encoding="utf-8")
    (tmp_path / "core.csv").write_text(rows.replace(",I\n", ",U\n", 1), encoding="utf-8", newline="")
    with pytest.raises(ImportRefusedError, match="no full supply"):
        imported(place.data_dir, tmp_path / "core.csv", supply="full")


def test_any_bytes_are_refused_or_read_line_by_line(premium, tmp_path):
    """For any bytes, each line is a row or a bad row, or the import refuses the file; it raises nothing else."""
    dice = random.Random(5)
    file = tmp_path / "any.csv"
    whole = 0
    for _ in range(400):
        content = bytearray(premium[: dice.randrange(1, 4_000)])
        for _ in range(dice.randrange(8)):
            at = dice.randrange(len(content))
            content[at : at + dice.randrange(3)] = dice.choice(
                [b'"', b"\n", b"\r", b"\0", b"\xff", b",", "é".encode(), b"\x1f\x8b", b"PK\3\4"]
            )
        file.write_bytes(bytes(content) + b"\r\n" * dice.randrange(2))
        try:
            (gathered,) = gather([file])
        except WrongFileError:
            continue
        whole += 1
        rows = [row for batch, _ in gathered.batches() for row in batch]
        assert [row.line for row in rows] == list(range(1, file.read_bytes().count(b"\n") + 1))
        assert all((row.fields is None) == bool(row.reason) for row in rows)
    assert whole > 100
