"""Stored prefixes and word lists of a release give the results of a search."""

import random

import pytest

from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.search.query import Query
from services.addresses.domain.search.title_case import readable
from services.addresses.gazetteer.files.name_lists import LONGEST, WordLists, write_word_lists
from services.addresses.gazetteer.files.postcodes import Postcodes
from services.addresses.gazetteer.files.premises import PremisesFiles
from services.addresses.gazetteer.releases.local import current
from services.addresses.gazetteer.search.candidates import Finder
from services.addresses.gazetteer.search.prefixes import KEPT, LETTERS, Prefixes, prefixes_of
from services.addresses.gazetteer.search.typeahead import Typeahead

HACKNEY = "E09000012"


@pytest.fixture(scope="module")
def opened(data_dir):
    """Return the release's folder, a search without stored prefixes, and its postcodes."""
    folder = current(data_dir)[0]
    premises, postcodes = PremisesFiles(folder), Postcodes(folder)
    yield folder, Typeahead(Finder(folder, premises, postcodes.outwards), premises, postcodes), postcodes
    postcodes.close()


def test_each_stored_prefix_has_the_results_of_a_search(opened):
    folder, typeahead, postcodes = opened
    kept = Prefixes(folder)
    words = WordLists(folder, "streets_by_word").words + WordLists(folder, "buildings_by_word").words
    begun = prefixes_of(words)
    assert len(begun) > 300
    for letters in begun:
        query = Query.parse(letters, postcodes.outwards)
        rows = kept.rows(query, KEPT, None)
        assert rows, letters
        assert rows == typeahead.by_words(query, KEPT, None).rows[:KEPT], letters


def test_a_short_prefix_gives_the_same_results_with_and_without_stored_ones(opened, gazetteer):
    _, typeahead, _ = opened
    for letters in ("q", "Ta", "wil"):
        assert gazetteer.answer(letters, KEPT) == typeahead.search(letters, KEPT)
        assert tuple(gazetteer.search(letters, 5)) == typeahead.search(letters, KEPT).results[:5]


@pytest.mark.parametrize(
    ("typed", "limit", "borough"),
    [("wil", KEPT + 1, None), ("wil", 10, HACKNEY), ("will", 10, None), ("12 wi", 10, None), ("wi e8", 10, None), ("12", 10, None)],
)
def test_a_query_without_stored_results_is_searched(opened, typed, limit, borough):
    folder, _, postcodes = opened
    assert Prefixes(folder).rows(Query.parse(typed, postcodes.outwards), limit, borough) is None


def test_a_short_prefix_in_a_borough_finds_addresses_of_that_borough(gazetteer):
    found = gazetteer.search("wi", 10, HACKNEY)
    assert found
    assert {each.borough for each in found} == {HACKNEY}


def test_only_alphabetic_words_have_prefixes():
    assert prefixes_of(["QUILL", "12", "A", "4TH"]) == ["A", "Q", "QU", "QUI"]
    assert max(map(len, prefixes_of(["QUILLFEN"]))) == LETTERS


def test_lists_of_words_are_joined_and_shared_as_sets_are(tmp_path):
    dice = random.Random(5)
    lists = {chr(65 + at): sorted(dice.sample(range(3_000), dice.choice((0, 1, 5, 300, 2_000)))) for at in range(20)}
    write_word_lists(tmp_path, "test", lists)
    found = WordLists(tmp_path, "test")
    assert found.of("-") is None
    for word, numbers in lists.items():
        held = found.of(word)
        assert held is not None
        assert held.tolist() == numbers
    for _ in range(300):
        choices = [dice.sample([*lists, "-"], dice.choice((1, 1, 2, 7))) for _ in range(dice.randint(1, 4))]
        sets = [{number for word in words for number in lists.get(word, ())} for words in choices]
        assert found.of_all(choices).tolist() == sorted(set.intersection(*sets)), choices
        assert found.of_any(choices[0]).tolist() == sorted(sets[0])


def test_a_search_examines_the_first_entries_of_a_long_list(tmp_path):
    write_word_lists(tmp_path, "test", {"A": range(3 * LONGEST), "B": range(LONGEST // 2, 4 * LONGEST)})
    assert WordLists(tmp_path, "test").of_all([["A"], ["B"]]).tolist() == list(range(LONGEST // 2, LONGEST))


def test_a_search_result_shows_the_line_of_its_record(gazetteer):
    dice = random.Random(6)
    for row in dice.sample(range(len(gazetteer)), 1_000):
        uprn = int(gazetteer.uprns[row])
        blpu = gazetteer.record(uprn)
        shown = gazetteer._premises.found(row)
        written = line(blpu)
        if blpu.postcode and written.endswith(blpu.postcode):
            assert shown.address == readable(written.removesuffix(blpu.postcode)) + blpu.postcode
        else:
            assert shown.address == readable(written)
        assert (shown.uprn, shown.postcode, shown.borough) == (uprn, blpu.postcode, blpu.borough)


@pytest.mark.parametrize("town", ["London", "Lonodn", "LONDN", "loondon", "Lodnon"])
def test_a_misspelt_town_narrows_no_search(gazetteer, town):
    uprns = gazetteer.at_postcode("E8 1")[:200]
    for blpu in gazetteer.records(uprns):
        if blpu.delivery_point:
            written = line(blpu).replace("LONDON", town)
            matching = gazetteer.match(written)
            assert matching.matches[0].uprn == blpu.uprn, written
            assert matching.matches[0].tokens.missing == ()
            break


def test_a_street_run_together_with_the_town_is_read(gazetteer):
    (blpu,) = [blpu for blpu in gazetteer.records(gazetteer.at_postcode("E8 1")) if blpu.delivery_point][:1]
    written = line(blpu).replace(", LONDON", "LONDON").removesuffix(blpu.postcode)
    assert gazetteer.match(written, blpu.postcode).matches[0].uprn == blpu.uprn


def test_another_floor_of_the_house_is_no_sure_match(gazetteer):
    asked = 0
    for blpu in gazetteer.all_records():
        if not line(blpu).startswith("FIRST FLOOR FLAT"):
            continue
        other = line(blpu).replace("FIRST", "FOURTH", 1)
        best = gazetteer.match(other, limit=1)
        assert best.decision != "match", other
        asked += 1
        if asked == 60:
            break
    assert asked == 60


def test_a_common_kind_of_building_is_found_in_an_area(gazetteer):
    for typed, borough in (("house nw5", None), ("court", HACKNEY), ("st e8", None)):
        found = gazetteer.search(typed, 10, borough)
        assert len(found) == 10, typed
        outward = typed.rpartition(" ")[2].upper() if borough is None else ""
        assert all(each.borough == borough if borough else each.kind == "street" or each.postcode.startswith(outward) for each in found)
