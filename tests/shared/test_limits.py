"""Quotas hold over all replicas, cost little below the limit, and have a purpose-specific rule without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from shared import clock
from shared.http import Problem
from shared.limits import COLLECTION, LOCAL_SECONDS, SLICES, Quota
from shared.mongo import Collection, Unavailable
from tests.shared.thing import Settings, Store, build

NOON = datetime(2099, 3, 1, 12, tzinfo=UTC)
SCOPE = "thing:thing:make"


@pytest.fixture
async def rows(settings) -> Collection:
    return (await Store(settings(Settings)).start()).collection(COLLECTION)


async def hits(quota: Quota, number: int, caller: str = "ada") -> int:
    """Hit this many times; return the number of admitted hits."""
    return sum([await quota.hit(caller) for _ in range(number)])


async def test_a_quota_holds_over_two_running_replicas(settings, serve, tokens):
    async with (
        serve(build(settings(Settings, requests_per_minute=10))) as one,
        serve(build(settings(Settings, requests_per_minute=10))) as two,
    ):
        with clock.at(clock.now()):
            answers = [await each.http.get("/v1/things", headers=tokens.bearer(SCOPE)) for _ in range(10) for each in (one, two)]
        assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 10


async def test_replicas_let_through_at_most_a_slice_each_too_much_and_seldom_ask_the_database(rows, monkeypatch):
    asked = 0
    real = Collection.find_one_and_update

    async def counting(self, *args, **options):
        nonlocal asked
        asked += 1
        return await real(self, *args, **options)

    monkeypatch.setattr(Collection, "find_one_and_update", counting)
    one, two = (Quota("things", 1000, rows=rows) for _ in range(2))
    with clock.at(NOON):
        assert await hits(one, 1000 // SLICES - 1) == 1000 // SLICES - 1
        assert asked == 0, "below a slice"
        let_through = 0
        for _ in range(700):
            let_through += await one.hit("ada") + await two.hit("ada")
        assert 1000 - 2 * 1000 // SLICES <= let_through <= 1000 + 2 * 1000 // SLICES
    assert asked <= 2 * SLICES


async def test_callers_and_windows_count_apart_and_an_amount_of_0_sets_no_limit(rows):
    quota = Quota("things", 3, rows=rows)
    with clock.at(NOON):
        assert await hits(quota, 5) == 3
        assert not await quota.has_room("ada")
        assert await hits(quota, 5, "bob") == 3
        assert await hits(Quota("others", 3, rows=rows), 5) == 3
        assert await hits(Quota("none", 0, rows=rows), 50) == 50
    with clock.at(NOON + timedelta(seconds=60)):
        assert await hits(quota, 5) == 3
    with clock.at(NOON + timedelta(seconds=59)):
        assert quota.retry_after == 1


async def test_without_a_database_a_quota_counts_for_itself_and_asks_again_later(rows, monkeypatch):
    asked = 0

    async def fails(*_, **__):
        nonlocal asked
        asked += 1
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(Collection, "find_one_and_update", fails)
    monotonic = [100.0]
    monkeypatch.setattr("shared.limits.time.monotonic", lambda: monotonic[0])
    quota = Quota("things", 3, rows=rows)
    with clock.at(NOON):
        assert await hits(quota, 5) == 3
        assert asked == 1
        monotonic[0] += LOCAL_SECONDS
        with pytest.raises(Problem):
            await quota.take("ada")
        assert asked == 2


async def test_an_exact_quota_lets_through_no_more_than_its_amount_and_nobody_without_a_database(rows, monkeypatch):
    one, two = (Quota("codes", 5, seconds=900, rows=rows, exact=True) for _ in range(2))
    with clock.at(NOON):
        assert await hits(one, 3) + await hits(two, 3) == 5
        assert not await one.has_room("ada")

        async def fails(*_, **__):
            raise Unavailable("the database does not answer")

        monkeypatch.setattr(Collection, "find_one_and_update", fails)
        monkeypatch.setattr(Collection, "find_one", fails)
        with pytest.raises(Unavailable):
            await one.hit("bob")
        with pytest.raises(Unavailable):
            await one.has_room("bob")


async def test_no_name_of_a_caller_is_stored(rows):
    with clock.at(NOON):
        await Quota("things", 3, rows=rows).hit("ada")
    [row] = await rows.find({})
    assert "ada" not in str(row)
