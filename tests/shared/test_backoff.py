"""Pauses before what failed is tried again."""

from itertools import pairwise

from shared.backoff import pause


def test_pauses_double_up_to_the_longest_and_none_is_too_many_failures():
    pauses = [pause(failures, first=0.2, longest=10.0) for failures in range(1, 5_000)]
    assert 0.16 <= pauses[0] <= 0.24
    assert all(8.0 <= each <= 12.0 for each in pauses[6:])
    assert all(before < after for before, after in pairwise(pauses[0:6:2]))


def test_those_who_failed_together_do_not_come_back_together():
    assert len({pause(1, first=1.0, longest=10.0) for _ in range(20)}) > 10
