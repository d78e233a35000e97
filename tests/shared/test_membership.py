"""The assignment of shards to replicas, with the test's clock."""

from shared.mongo.outbox_rows import SHARDS
from shared.outbox.membership import Membership
from shared.presence import DEAD_AFTER, STOP_AFTER, Presence
from tests.shared.thing import Settings, Store


class Clock:
    """A monotonic clock that only the test advances."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


class Replica:
    """One replica's presence and membership."""

    def __init__(self, store: Store, instance: str, clock: Clock) -> None:
        self.presence = Presence(store.collection("live_processes"), instance, clock)
        self.membership = Membership(store, self.presence)

    async def beat(self) -> set[int]:
        """Do what the workers do once a second."""
        if self.presence.started:
            await self.presence.heartbeat()
        else:
            await self.presence.start()
        return await self.membership.divide()

    @property
    def mine(self) -> set[int]:
        return self.membership.mine


async def _store(settings) -> Store:
    return await Store(settings(Settings)).start()


async def test_one_member_holds_every_shard_at_its_first_beat(settings):
    member = Replica(await _store(settings), "one", Clock())
    await member.beat()
    assert member.mine == set(range(SHARDS))


async def test_a_second_member_gets_its_half_only_after_the_first_gave_it_up(settings):
    store, clock = await _store(settings), Clock()
    one, two = Replica(store, "one", clock), Replica(store, "two", clock)
    await one.beat()
    await two.beat()
    assert two.mine == set()
    to_give = await one.beat()
    assert len(to_give) == SHARDS // 2
    await two.beat()
    assert two.mine == set()
    await one.membership.release(to_give)
    await two.beat()
    assert one.mine | two.mine == set(range(SHARDS))
    assert one.mine & two.mine == set()


async def test_a_process_that_does_not_relay_gets_no_shard(settings):
    store, clock = await _store(settings), Clock()
    only_answers = Presence(store.collection("live_processes"), "api", clock)
    await only_answers.start()
    one = Replica(store, "one", clock)
    await one.beat()
    assert await one.beat() == set()
    assert one.mine == set(range(SHARDS))


async def test_the_shards_of_a_silent_member_are_taken_over_by_the_observers_own_clock(settings):
    store, clock = await _store(settings), Clock()
    one, two = Replica(store, "one", clock), Replica(store, "two", clock)
    await one.beat()
    await two.beat()
    clock.at += DEAD_AFTER - 0.1
    await two.beat()
    assert two.mine == set()
    clock.at += 0.2
    await two.beat()
    assert two.mine == set(range(SHARDS))


async def test_the_shards_of_a_member_that_registered_since_are_not_taken_over(settings):
    store, clock = await _store(settings), Clock()
    two = Replica(store, "two", clock)
    await two.presence.start()
    one = Replica(store, "one", clock)
    await one.beat()
    await two.membership.divide()  # by the list of its last heartbeat, in which `one` is not
    assert (one.mine, two.mine) == (set(range(SHARDS)), set())


async def test_a_paused_member_stops_by_itself_before_anybody_takes_over(settings):
    store, clock = await _store(settings), Clock()
    one = Replica(store, "one", clock)
    await one.beat()
    clock.at += STOP_AFTER
    assert one.mine == set()
    assert STOP_AFTER < DEAD_AFTER


async def test_a_member_that_leaves_frees_its_shards_at_once(settings):
    store, clock = await _store(settings), Clock()
    one, two = Replica(store, "one", clock), Replica(store, "two", clock)
    await one.beat()
    await one.membership.leave()
    await two.beat()
    assert one.mine == set()
    assert two.mine == set(range(SHARDS))


async def test_a_restarted_member_of_the_same_name_continues_without_waiting(settings):
    store, clock = await _store(settings), Clock()
    await Replica(store, "one", clock).beat()
    again = Replica(store, "one", clock)
    await again.beat()
    assert again.mine == set(range(SHARDS))
