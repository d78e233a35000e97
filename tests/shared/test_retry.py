"""Pauses between retries, and their number."""

from itertools import pairwise

import pytest

from shared.retry import pause, retry


def test_pauses_double_up_to_the_longest_and_none_is_too_many_failures():
    pauses = [pause(failures, first=0.2, longest=10.0) for failures in range(1, 5_000)]
    assert 0.16 <= pauses[0] <= 0.24
    assert all(8.0 <= each <= 12.0 for each in pauses[6:])
    assert all(before < after for before, after in pairwise(pauses[0:6:2]))


def test_those_who_failed_together_do_not_come_back_together():
    assert len({pause(1, first=1.0, longest=10.0) for _ in range(20)}) > 10


class Failing:
    """Fails a set number of times, then returns the number of calls."""

    def __init__(self, failures: int, error: type[Exception] = TimeoutError) -> None:
        self.calls, self._failures, self._error = 0, failures, error

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return self.calls


async def test_a_failing_call_is_repeated_until_it_succeeds_or_its_attempts_are_used_up():
    assert await retry(Failing(2), on=TimeoutError, attempts=3, first=0.001) == 3
    hopeless = Failing(9)
    with pytest.raises(TimeoutError):
        await retry(hopeless, on=TimeoutError, attempts=3, first=0.001)
    assert hopeless.calls == 3


async def test_a_permanent_error_is_not_retried():
    wrong = Failing(1, ValueError)
    with pytest.raises(ValueError):  # noqa: PT011
        await retry(wrong, on=(TimeoutError, ConnectionError), attempts=3, first=0.001)
    assert wrong.calls == 1
