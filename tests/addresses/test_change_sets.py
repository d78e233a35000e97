"""Each activation leaves a numbered change set, also after a kill between activation and numbering."""

from pathlib import Path

import pytest

from services.addresses.domain.releases.changes import Change, Happened
from services.addresses.gazetteer.releases import change_sets

CREATED = [Change(Happened.CREATED, (), (uprn,)) for uprn in range(1, 2_501)]
MERGED = [Change(Happened.MERGED, (9, 10), (11,))]


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    change_sets.prepare(tmp_path, "old", "new", [*CREATED, *MERGED])
    return tmp_path


def test_a_completed_activation_is_numbered_and_read_in_batches_of_one_kind(prepared):
    numbered_set = change_sets.number_prepared(prepared, "new")
    assert numbered_set is not None
    assert (numbered_set.number, numbered_set.before, numbered_set.after) == (1, "old", "new")
    assert change_sets.change_sets(prepared) == [numbered_set]
    batches = list(numbered_set.batches())
    assert [len(batch) for batch in batches] == [1_000, 1_000, 500, 1]
    assert [change for batch in batches for change in batch] == [*CREATED, *MERGED]
    assert list(numbered_set.batches(skip=3)) == [MERGED]


def test_an_activation_that_did_not_happen_leaves_no_number(prepared):
    assert change_sets.number_prepared(prepared, "old") is None
    assert change_sets.number_prepared(prepared, "new") is None
    assert change_sets.change_sets(prepared) == []


def test_numbers_continue_and_only_later_change_sets_are_returned(prepared):
    change_sets.number_prepared(prepared, "new")
    change_sets.prepare(prepared, "new", "newer", MERGED)
    change_sets.number_prepared(prepared, "newer")
    assert [(each.number, each.after) for each in change_sets.change_sets(prepared, after_number=1)] == [(2, "newer")]


def test_numbering_without_a_prepared_change_set_does_nothing(tmp_path):
    assert change_sets.number_prepared(tmp_path, "new") is None
    assert change_sets.change_sets(tmp_path) == []
