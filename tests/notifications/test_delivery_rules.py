"""When a delivery is retried, when it is abandoned, and with which event."""

from datetime import UTC, datetime, timedelta
from random import Random

from services.notifications.domain.delivery import GIVE_UP_AFTER, LONGEST_PAUSE, Answer, Ended, TryAgain, next_step, simulated_answer
from services.notifications.domain.notifications import Status

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_retries_slow_down_and_stop_after_four_hours() -> None:
    random, at, attempt = Random(1), START, 0
    pauses = []
    while True:
        attempt += 1
        step = next_step(Answer.NOT_NOW, attempt=attempt, since=START, at=at, random=random)
        if isinstance(step, Ended):
            break
        pauses.append(step.due - at)
        at = step.due
    assert step == Ended(Status.TECHNICAL_FAILURE)
    assert at <= START + GIVE_UP_AFTER
    assert at > START + GIVE_UP_AFTER - 2 * LONGEST_PAUSE
    assert pauses[0] < timedelta(seconds=3)
    assert max(pauses) <= LONGEST_PAUSE * 1.2
    assert 20 < attempt < 60


def test_a_refusal_for_good_is_not_retried() -> None:
    assert next_step(Answer.REFUSED, attempt=1, since=START, at=START, random=Random(1)) == Ended(Status.PERMANENT_FAILURE)


def test_an_attempt_far_in_the_count_does_not_overflow() -> None:
    assert isinstance(next_step(Answer.NOT_NOW, attempt=10_000, since=START, at=START, random=Random(1)), TryAgain)


def test_test_keys_simulate_by_recipient() -> None:
    assert simulated_answer("447700900003") is Answer.UNDELIVERED
    assert simulated_answer("perm-fail@simulator.notify") is Answer.REFUSED
    assert simulated_answer("anyone@example.com") is Answer.TAKEN
