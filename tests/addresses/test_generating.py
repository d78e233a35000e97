"""Files of made-up premises: marked, reproducible from a seed, split by size, complete or absent."""

import csv
import resource
from collections import Counter
from collections.abc import Iterator

import pytest

from services.addresses.domain.addressbase.formats.detect import detect_format
from services.addresses.domain.addressbase.formats.premium import Premium
from services.addresses.domain.addressbase.incoming import Format
from services.addresses.domain.synthetic.generate import generate
from services.addresses.domain.synthetic.identifiers import MADE_UP_UPRNS
from services.addresses.domain.synthetic.quarterly_changes import changed
from services.addresses.gazetteer.builds.synthetic_files import generate_changes, generate_files
from tests.addresses.address_files import Held

PREMISES = 3_200


@pytest.fixture(scope="module")
def written(tmp_path_factory, few_sources):
    out = tmp_path_factory.mktemp("files") / "new" / "folder"
    reported: list[int] = []
    files = generate_files(PREMISES, 5, out, reported.append, sources=few_sources, most=1_000)
    return out, files, reported


def contents(path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def apply(files, format_name: str, said: Held) -> Held:
    for file in files:
        if file.format == format_name:
            rows = contents(file.path)
            reader = detect_format(rows[:20], format_name)
            assert isinstance(reader, Format)
            said.apply(incoming for row in rows for incoming in reader.read(row))
            reader.end()
    return said


def test_the_files_are_those_that_were_written_with_their_sizes(written):
    out, files, _ = written
    assert sorted(file.path for file in files) == sorted(out.iterdir())
    assert all(file.path.stat().st_size == file.bytes for file in files)
    assert [file.records for file in files if file.format == "core"] == [1_000, 1_000, 1_000, 200]
    for file in files:
        around = 1 if file.format == "core" else 3
        assert file.records == len(contents(file.path)) - around <= 1_000


def test_volumes_of_premium_follow_each_other_to_the_last(written):
    following = []
    for file in (file for file in written[1] if file.format == "premium"):
        reader = Premium()
        for row in contents(file.path):
            list(reader.read(row))
        reader.end()
        following.append((reader.volume, reader.next_volume, reader.change_only))
    count = len(following)
    assert count > 5
    assert following == [(at, at + 1 if at < count else 0, False) for at in range(1, count + 1)]


def test_the_files_hold_the_premises_of_the_seed_on_londons_postcodes(written, few_sources):
    found = list(apply(written[1], "premium", Held()).blpus())
    assert found == list(generate(few_sources.sites(), 5, premises=PREMISES))
    assert len(list(apply(written[1], "core", Held()).blpus())) == PREMISES


def test_everything_in_them_is_marked_as_made_up(written):
    for file in written[1]:
        assert file.path.name.startswith("MADE_UP_AddressBase")
        rows = contents(file.path)
        if file.format == "premium":
            assert rows[0][:2] == ["10", "MADE UP ADDRESSES"]
            assert all(int(row[3]) in MADE_UP_UPRNS for row in rows if row[0] == "21")
        else:
            assert all(int(row[0]) in MADE_UP_UPRNS for row in rows[1:])


def test_no_file_has_its_name_before_all_are_written(tmp_path, few_sources):
    seen: set[str] = set()
    generate_files(PREMISES, 5, tmp_path, lambda _: seen.update(path.name for path in tmp_path.iterdir()), sources=few_sources, most=1_000)
    assert len(seen) > 4
    assert all(name.endswith(".csv.part") for name in seen)


def test_progress_ends_at_all_of_them(written):
    assert written[2] == [1_000, 2_000, 3_000, PREMISES]


def test_the_same_seed_gives_the_same_bytes(written, tmp_path, few_sources):
    again = generate_files(PREMISES, 5, tmp_path / "again", print, sources=few_sources, most=1_000)
    assert [file.path.read_bytes() for file in again] == [file.path.read_bytes() for file in written[1]]


def test_an_update_of_the_files_can_be_written_too(written, tmp_path, few_sources):
    reported: list[int] = []
    files = generate_changes(PREMISES, 5, tmp_path / "update", reported.append, sources=few_sources)
    assert reported == sorted(reported)
    assert len(reported) > 6
    assert reported[-1] == PREMISES
    assert {file.path.name.rsplit("_", 1)[0] for file in files} == {
        "MADE_UP_AddressBaseCore_COU_2025-12-01",
        "MADE_UP_AddressBasePremium_COU_2025-12-01",
    }
    reader = Premium()
    for row in contents(files[-1].path):
        list(reader.read(row))
    assert reader.change_only
    before = list(apply(written[1], "premium", Held()).blpus())
    after = list(apply(files, "premium", apply(written[1], "premium", Held())).blpus())
    assert before != after
    assert any(blpu.successors for blpu in after)


@pytest.mark.parametrize("premises", [1, 2, 9, 40])
@pytest.mark.parametrize("seed", range(1, 6))
def test_an_update_of_however_few_premises_holds_something(tmp_path, few_sources, premises, seed):
    files = generate_changes(premises, seed, tmp_path, print, sources=few_sources)
    assert {file.format for file in files} == {"core", "premium"}
    assert all(file.records for file in files)


@pytest.mark.parametrize("seed", range(1, 6))
def test_each_kind_of_change_happens_among_a_few_hundred_premises(few_sources, seed):
    before = {blpu.uprn: blpu for blpu in generate(few_sources.sites(), seed, premises=400)}
    after = {blpu.uprn: blpu for blpu in changed(before.values(), seed)}
    became = {uprn: blpu.successors for uprn, blpu in after.items() if blpu.end_date and not before[uprn].end_date}
    taken_from = Counter(successor for successors in became.values() for successor in successors)
    kept = [(before[uprn], blpu) for uprn, blpu in after.items() if uprn in before]
    happened = {
        "split": any(len(successors) > 1 for successors in became.values()),
        "merged": any(count > 1 for count in taken_from.values()),
        "retired": any(not successors for successors in became.values()),
        "built": bool(after.keys() - before.keys() - taken_from.keys()),
        "never was": bool(before.keys() - after.keys()),
        "taken over": any(old.organisation != new.organisation for old, new in kept),
        "moved": any(old.easting != new.easting for old, new in kept),
    }
    assert all(happened.values()), happened
    assert len(became) < 0.05 * len(before)


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(FileExistsError):
        generate_files(10, 1, tmp_path, print)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.fixture
def no_file_above_150_kb() -> Iterator[None]:
    """As on a disk that is full, but for the number of the error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("no_file_above_150_kb")
def test_a_full_disk_leaves_no_partial_supply(tmp_path, few_sources):
    with pytest.raises(OSError, match="File too large"):
        generate_files(PREMISES, 5, tmp_path, print, sources=few_sources)
    assert list(tmp_path.iterdir()) == []


def test_more_premises_than_the_postcodes_hold_are_refused(tmp_path, few_sources):
    with pytest.raises(ValueError, match="not 99000000"):
        generate_files(99_000_000, 1, tmp_path, print, sources=few_sources)
    assert list(tmp_path.iterdir()) == []
