"""An incremental build answers as a full build does, whatever changes in its premises."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.search.matching import Decision
from services.addresses.domain.search.title_case import readable
from services.addresses.domain.synthetic.quarterly_changes import changed
from services.addresses.gazetteer.builds.full import build
from services.addresses.gazetteer.builds.incremental import MOST_LAYERS, is_worthwhile, merge, on_streets
from services.addresses.gazetteer.files.atomic import share_file
from services.addresses.gazetteer.files.columns import Texts
from services.addresses.gazetteer.files.name_lists import WordLists
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.releases.diff import differences
from services.addresses.gazetteer.releases.manifest import Counts
from services.addresses.gazetteer.search.gazetteer import Gazetteer

from .import_support import few_postcodes, made_up, retired

OTHER_DISK = Path("/dev/shm")  # noqa: S108 (a file system of its own is all that is wanted of it)
WRITTEN_OTHERWISE = {
    *("dates", "heads", "kinds", "numberings", "places", "streets", "texts", "thoroughfares", "records", "record_ends.npy"),
    *("vocabulary", "vocabulary_held_by.npy", "vocabulary_in_context.npy", "tokens", "token_ends.npy", "borough_codes"),
    *("shown", "shown_ends.npy", "shown_streets", "boroughs.npy", "rows_by_beginning_numbers.npy", "index_rows.npy"),
    "rows_by_beginning_starts.npy",
}
"""Files whose numbers are those of dictionaries, which go on where those of the release before ended; what they say is compared.
The lists of beginnings may hold other ones of equals, and so other numbers of them."""


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Sources:
    return few_postcodes(tmp_path_factory.mktemp("few") / "sources", of_each=60)


def later(blpus: list[Blpu], seed: int) -> list[Blpu]:
    """What a busy day makes of them: premises divided, joined, built and gone; streets renamed; moves, other occupiers and postcodes."""
    dice = random.Random(seed)
    streets = sorted({lpi.usrn for blpu in blpus for lpi in blpu.lpis})
    renamed = {usrn: f"RENAMED {dice.choice(('QUAY', 'MEWS'))} {seed}" for usrn in dice.sample(streets, 2)}
    found = []
    for blpu in changed(blpus, seed, rarity=8):
        lpis = tuple(replace(lpi, street=renamed.get(lpi.usrn, lpi.street)) for lpi in blpu.lpis)
        found.append(altered(dice, replace(blpu, lpis=lpis)))
    return [blpu for blpu in found if blpu]


HAPPENINGS: tuple[Callable[[random.Random, Blpu], Blpu | None], ...] = (
    lambda *_: None,
    lambda dice, blpu: retired(blpu, dice.randrange(10**9)),
    lambda dice, blpu: replace(blpu, organisation=f"ZEBRA AND DAUGHTERS {dice.randrange(9)}"),
    lambda _, blpu: replace(blpu, easting=blpu.easting + 250, northing=blpu.northing - 130, latitude=blpu.latitude - 0.0012),
    lambda dice, blpu: replace(blpu, delivery_point=None, postcode_locator=dice.choice(("", "E8 9ZZ", "NW1 9ZZ"))),
    lambda _, blpu: replace(blpu, lpis=blpu.lpis[:1]),
    lambda _, blpu: replace(blpu, lpis=(), delivery_point=None, classification="ZU"),
    lambda dice, blpu: replace(blpu, lpis=tuple(replace(lpi, pao_text=f"{dice.choice('XYZ')}ANADU HOUSE") for lpi in blpu.lpis)),
    lambda dice, blpu: replace(blpu, borough="E09000030", parent_uprn=dice.choice((None, 77))),
)


def altered(dice: random.Random, blpu: Blpu) -> Blpu | None:
    """Now and then it is gone, or says something else."""
    return dice.choice(HAPPENINGS)(dice, blpu) if dice.randrange(13) == 0 else blpu


def whole(folder: Path, blpus: list[Blpu], sources: Sources) -> Counts:
    folder.mkdir()
    return build(folder, blpus, sources)


def merged(folder: Path, base: tuple[Path, Counts], before: list[Blpu], after: list[Blpu]) -> Counts:
    """Merge the changed records and some unchanged candidates."""
    folder.mkdir()
    olds, news = ({blpu.uprn: blpu for blpu in blpus} for blpus in (before, after))
    touched = {uprn for uprn in olds.keys() | news.keys() if olds.get(uprn) != news.get(uprn)} | {blpu.uprn for blpu in after[:40]}
    uprns = np.array(sorted(touched), np.uint64)
    return merge(folder, *base, uprns, (news[uprn] for uprn in uprns.tolist() if uprn in news))


@pytest.fixture(scope="module")
def states(few) -> list[list[Blpu]]:
    """A town on four days."""
    days = [made_up(few, 1_500)]
    for seed in (1, 2, 3):
        days.append(later(days[-1], seed))
    return days


@pytest.fixture(scope="module")
def pairs(few, states, tmp_path_factory) -> list[tuple[Path, Path]]:
    """Return each day's release folders: of a full build, and of an increment on the day before."""
    directory = tmp_path_factory.mktemp("pairs")
    counts = [whole(directory / f"whole{day}", blpus, few) for day, blpus in enumerate(states)]
    found, base, counted = [], directory / "whole0", counts[0]
    for day, (before, after) in enumerate(pairwise(states), start=1):
        counted = merged(directory / f"merged{day}", (base, counted), before, after)
        base = directory / f"merged{day}"
        assert counted == counts[day]
        found.append((directory / f"whole{day}", base))
    return found


@pytest.fixture(params=[0, 1, 2])
def opened(pairs, states, request) -> Iterator[tuple[Gazetteer, Gazetteer, list[Blpu]]]:
    """Both releases of a day, and its premises."""
    both = [Gazetteer.open(folder) for folder in pairs[request.param]]
    yield both[0], both[1], states[request.param + 1]
    for each in both:
        each.close()


def test_every_record_equals_that_of_a_full_build(opened):
    built, made, blpus = opened
    assert list(made.all_records()) == list(built.all_records())
    assert [blpu.uprn for blpu in made.all_records()] == [blpu.uprn for blpu in blpus]
    assert [made._premises.found(row) for row in range(len(made))] == [built._premises.found(row) for row in range(len(built))]


def test_every_column_that_no_dictionary_numbers_is_the_same_to_the_byte(pairs):
    for built, made in pairs:
        names = {path.name for folder in (built, made) for path in folder.iterdir() if path.is_file()} - WRITTEN_OTHERWISE
        assert len(names) > 40
        assert [name for name in sorted(names) if (built / name).read_bytes() != (made / name).read_bytes()] == []


def document_frequency(folder: Path) -> dict[str, tuple[int, int]]:
    """How many records hold each token, and how many have it as context."""
    words = Texts(folder / "vocabulary")
    counts = [np.load(folder / f"vocabulary_{name}.npy").tolist() for name in ("held_by", "in_context")]
    return {words[at]: (held, context) for at, (held, context) in enumerate(zip(*counts, strict=True)) if held or context}


def test_token_counts_equal_those_of_a_full_build(pairs):
    for built, made in pairs:
        assert document_frequency(made) == document_frequency(built)


def test_what_is_at_a_postcode_near_a_place_within_a_building_or_took_its_place_is_the_same(opened):
    built, made, blpus = opened
    for postcode in sorted({blpu.postcode for blpu in blpus if blpu.postcode} | {"E8 9", "NW1 "}):
        assert made.at_postcode(postcode) == built.at_postcode(postcode)
        if parsed := Postcode.parse(postcode):
            assert made.boroughs_of(parsed) == built.boroughs_of(parsed)
    for blpu in blpus:
        assert made.children(blpu.uprn) == built.children(blpu.uprn)
        for successor in blpu.successors:
            assert made.predecessors(successor) == built.predecessors(successor) != []
    for blpu in blpus[::10]:
        assert made.nearest(blpu.easting, blpu.northing, 200, 30) == built.nearest(blpu.easting, blpu.northing, 200, 30)
        around = (blpu.easting - 90, blpu.northing - 90, blpu.easting + 90, blpu.northing + 90)
        assert made.within(*around) == built.within(*around)


def test_searches_and_matches_equal_those_of_a_full_build(opened):
    built, made, blpus = opened
    for blpu in blpus[::7]:
        text = readable(line(blpu))
        if not text:
            continue
        assert made.search(text, 5) == built.search(text, 5)
        assert made.match(text) == built.match(text)
        assert made.check(blpu.uprn, text) == built.check(blpu.uprn, text)
        assert made.find(text, limit=3)[1] == built.find(text, limit=3)[1]
        if blpu.lpis:
            typed = f"{blpu.lpis[0].pao} {blpu.lpis[0].street[:6]}"
            assert made.search(typed, 5) == built.search(typed, 5)


def test_words_of_deleted_records_are_unknown_and_new_words_are_known(opened):
    built, made, _ = opened
    for text in ("zebra and daughters", "renamed quay 1", "renamed mews 2", "xanadu house", "yanadu house", "zanadu hose", "renamd"):
        assert [found.address for found in made.search(text, 3)] == [found.address for found in built.search(text, 3)]
        matched, expected = made.match(text), built.match(text)
        if expected.decision is Decision.NONE:  # of many equals it may be others
            assert [match.tokens for match in matched.matches] == [match.tokens for match in expected.matches]
            confidences = [match.confidence for match in expected.matches]
            assert [match.confidence for match in matched.matches] == pytest.approx(confidences, abs=0.001)
        else:
            assert matched == expected


def test_prefixes_give_equal_results_except_among_ties(pairs):
    for built, made in pairs:
        one, other = (WordLists(folder, "rows_by_beginning") for folder in (built, made))
        assert one.words == other.words
        same = [word for word in one.words if one.of(word).tolist() == other.of(word).tolist()]  # type: ignore[union-attr]
        assert len(same) >= 0.9 * len(one.words)


def test_differences_equal_those_of_full_builds_forwards_and_backwards(pairs):
    (whole1, merged1), (whole2, merged2), _ = pairs
    assert list(differences(merged1, merged2)) == list(differences(whole1, whole2)) != []
    assert list(differences(merged2, merged1)) == list(differences(whole2, whole1))
    assert list(differences(whole2, merged2)) == []


def test_files_of_postcodes_and_earlier_segments_are_shared(pairs):
    (_, first), (_, second), _ = pairs
    shared = {path.relative_to(first).as_posix() for path in first.rglob("*") if path.is_file()
              and (second / path.relative_to(first)).exists() and path.samefile(second / path.relative_to(first))}  # fmt: skip
    assert "postcodes.sqlite3" in shared
    assert "postcodes.npy" not in shared
    segments = {f"index/{path.name}" for path in (first / "index").glob("[0-9a-f]*")}
    assert segments <= shared


@pytest.mark.skipif(not OTHER_DISK.is_dir(), reason="needs a second file system")
def test_files_are_copied_where_they_cannot_be_linked(tmp_path):
    (tmp_path / "file").write_bytes(b"some")
    with TemporaryDirectory(dir=OTHER_DISK) as other:
        share_file(Path(other) / "file", tmp_path / "file")
        assert (Path(other) / "file").read_bytes() == b"some"
    share_file(tmp_path / "linked", tmp_path / "file")
    assert (tmp_path / "linked").samefile(tmp_path / "file")
    with pytest.raises(FileExistsError):
        share_file(tmp_path / "linked", tmp_path / "file")


def test_premises_on_a_street_are_those_whose_any_address_is_on_it(few, states, pairs):
    _, made = pairs[1]
    for usrn in sorted({lpi.usrn for blpu in states[2] for lpi in blpu.lpis})[::5]:
        expected = [blpu.uprn for blpu in states[2] if any(lpi.usrn == usrn for lpi in blpu.lpis)]
        assert on_streets(made, [usrn]).tolist() == expected


def test_all_premises_can_be_replaced(few, states, tmp_path):
    some = states[0][:30]
    counts = whole(tmp_path / "some", some, few)
    none = merged(tmp_path / "none", (tmp_path / "some", counts), some, [])
    assert (none.premises, none.streets) == (0, 0)
    again = merged(tmp_path / "again", (tmp_path / "none", none), [], some)
    assert again == counts
    gazetteer = Gazetteer.open(tmp_path / "again")
    assert list(gazetteer.all_records()) == some
    assert [found.uprn for found in gazetteer.search(readable(line(some[0])), 1)] == [some[0].uprn]
    gazetteer.close()


def test_a_full_build_is_due_after_many_deletions_or_many_layers(few, states, tmp_path):
    before = states[0]
    counts = whole(tmp_path / "first", before, few)
    most = len(before) // 10
    assert is_worthwhile(tmp_path / "first", 1, most)
    assert not is_worthwhile(tmp_path / "first", 1, most + 1)
    after = [replace(blpu, organisation="ZEBRA") for blpu in before[:50]] + before[50:]
    merged(tmp_path / "second", (tmp_path / "first", counts), before, after)
    assert is_worthwhile(tmp_path / "second", 2, most - 50)
    assert not is_worthwhile(tmp_path / "second", 2, most - 49)
    assert is_worthwhile(tmp_path / "second", MOST_LAYERS - 1, 1)
    assert not is_worthwhile(tmp_path / "second", MOST_LAYERS, 1)
