"""Liveness of processes, and the claims of dead ones, with the test's clocks."""

from shared.mongo import Collection
from shared.presence import DEAD_AFTER, STOP_AFTER, Claims, Presence
from tests.shared.test_membership import Clock, _store


async def _claim(rows: Collection, holders: dict[str, str | None]) -> None:
    await rows.insert_many([{"_id": name, "holder": holder} for name, holder in holders.items()])


async def _free(rows: Collection) -> set[str]:
    return {row["_id"] for row in await rows.find({"holder": None})}


async def test_a_dead_processes_claims_are_free_as_soon_as_it_is_known_dead(settings):
    store, clock = await _store(settings), Clock()
    rows = store.collection("things")
    one, two = (Presence(store.collection("live_processes"), name, clock) for name in ("one", "two"))
    claims = Claims(two, rows)
    await one.start()
    await two.start()
    await _claim(rows, {"ones": one.name, "twos": two.name})
    assert await claims.sweep(in_hand={"twos"}) == 0
    clock.at += DEAD_AFTER
    assert await two.heartbeat() == 1
    assert await claims.sweep(in_hand={"twos"}) == 1
    assert await _free(rows) == {"ones"}


async def test_every_process_frees_claims_not_only_the_one_that_found_the_death(settings):
    store, clock = await _store(settings), Clock()
    rows = store.collection("things")
    one, finder, other = (Presence(store.collection("live_processes"), name, clock) for name in ("one", "finder", "other"))
    claims = Claims(other, rows)
    for each in (one, finder, other):
        await each.start()
    await finder.heartbeat()
    await _claim(rows, {"ones": one.name})
    assert await claims.sweep() == 0
    clock.at += DEAD_AFTER
    await other.heartbeat()  # a heartbeat before the finder checks
    await finder.heartbeat()
    await other.heartbeat()
    assert await claims.sweep() == 1


async def test_a_process_that_was_paused_gets_another_name_and_the_old_claims_are_not_its_own(settings):
    store, clock = await _store(settings), Clock()
    rows = store.collection("things")
    one, two = (Presence(store.collection("live_processes"), name, clock) for name in ("one", "two"))
    await one.start()
    await two.start()
    before = one.name
    await _claim(rows, {"ones": before})
    clock.at += STOP_AFTER
    assert not one.is_certain, "it claims nothing that another could claim too"
    clock.at += DEAD_AFTER
    await two.heartbeat()
    await one.heartbeat()
    assert (one.is_certain, one.name == before) == (True, False)
    assert await one.gone({before, one.name, two.name}) == {before}
    assert await Claims(one, rows).sweep() == 1


async def test_a_claim_whose_reply_was_lost_is_found_by_its_holder(settings):
    store, clock = await _store(settings), Clock()
    rows = store.collection("things")
    one = Presence(store.collection("live_processes"), "one", clock)
    await one.start()
    claims = Claims(one, rows, freed=lambda: {"number": 7})
    await _claim(rows, {"known": one.name, "lost": one.name, "free": None})
    assert await claims.sweep(in_hand={"known"}) == 1
    assert await _free(rows) == {"lost", "free"}
    assert (await rows.find_one({"_id": "lost"}) or {})["number"] == 7
    await rows.update_one({"_id": "free"}, {"$set": {"holder": one.name}})
    assert await claims.sweep() == 0, "it is not looked for at every step"
    claims.look_again()
    assert await claims.sweep(in_hand={"known"}) == 1


async def test_a_successor_of_the_same_name_declares_its_predecessor_dead_at_once(settings):
    store, clock = await _store(settings), Clock()
    first = Presence(store.collection("live_processes"), "one", clock)
    await first.start()
    second = Presence(store.collection("live_processes"), "one", clock)
    await second.start()
    assert await second.gone({first.name, second.name}) == {first.name}


async def test_facts_stay_when_a_process_registers_again(settings):
    store, clock = await _store(settings), Clock()
    one = Presence(store.collection("live_processes"), "one", clock)
    await one.announce(relays=True)
    await one.start()
    await store.collection("live_processes").delete_many({})
    await one.heartbeat()
    assert [row["relays"] for row in one.living.values()] == [True]
