"""Replicas share the work, and nothing is lost when one, the broker or the database is killed."""

import asyncio
import sys

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from pydantic import SecretStr

from deploy.embedded.engines import Database, Tansu
from shared.mongo import DatabaseError
from shared.mongo.outbox_rows import SHARDS
from shared.presence import DEAD_AFTER, HEARTBEAT_SECONDS
from tests.conftest import BROKER, ENGINE
from tests.shared.thing import Settings, Store, ThingMade, build, environment, recording
from tests.support.kafka import client_options


async def _publish(store: Store, key: str, numbers: range) -> None:
    for number in numbers:
        async with store.transaction() as tx:
            await tx.publish(ThingMade(thing=key, number=number))


async def test_two_replicas_double_nothing_and_keep_order(settings, serve, eventually):
    async with serve(build(settings(Settings), recording())) as one, serve(build(settings(Settings), recording())) as two:
        stores = [one.service.store, two.service.store]
        keys = [f"key-{n}" for n in range(10)]
        await asyncio.gather(*(_publish(stores[n % 2], key, range(20)) for n, key in enumerate(keys)))

        async def all_there() -> bool:
            return bool(await stores[0].effects.count() == 200)

        await eventually(all_there, seconds=40)
        for key in keys:
            assert await stores[0].effects.of(key) == list(range(20))


async def test_the_other_replica_takes_over_within_ten_seconds_of_a_kill(settings, serve, eventually):
    config = settings(Settings, instance="first")
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.shared.thing", env=environment(config))
    try:
        relay = Store(config).collection("relay")

        async def first_has_all() -> bool:
            document = await relay.find_one({}) or {}
            owners = set(document.get("owners", {}).values())
            return len(document.get("owners", {})) == SHARDS and len(owners) == 1 and str(*owners).startswith("first-")

        await eventually(first_has_all, seconds=20)
        async with serve(build(settings(Settings, instance="second"), recording())) as second:
            store: Store = second.service.store
            await _publish(store, "before", range(8))
            await eventually(lambda: relay.count({"owners.1": store.presence.name}))
            child.kill()
            await _publish(store, "after", range(32))

            async def handled() -> bool:
                return await store.effects.of("after") == list(range(32)) and await store.effects.of("before") == list(range(8))

            assert DEAD_AFTER + 2 * HEARTBEAT_SECONDS < 10, "the promise; the deadline below leaves a busy machine more"
            await eventually(handled, seconds=20)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


@pytest.mark.skipif(BROKER != "tansu", reason="Apache Kafka keeps its messages")
async def test_a_broker_that_comes_back_empty_gets_everything_again(settings, serve, eventually):
    broker = Tansu()
    await broker.start()
    try:
        config = settings(Settings, kafka=broker.address, broker_durable=False)
        other = settings(Settings, name="other", kafka=broker.address, broker_durable=False)
        producer, consumer = build(config), build(other, recording())
        async with serve(producer) as sends:
            store: Store = sends.service.store
            await _publish(store, "early", range(5))

            async def published() -> bool:
                return bool(await store.collection("outbox").count({}) == 0)

            await eventually(published)
            broker.kill()
            await _publish(store, "down", range(5))
            await broker.start()
            async with serve(consumer) as takes:
                effects = takes.service.store.effects

                async def all_there() -> bool:
                    return bool(await effects.of("early") == list(range(5)) and await effects.of("down") == list(range(5)))

                await eventually(all_there, seconds=25)
                broker.kill()
                await broker.start()
                await _publish(store, "later", range(5))

                async def later_too() -> bool:
                    return bool(await effects.of("later") == list(range(5)))

                await eventually(later_too, seconds=25)
                assert await effects.count() == 15
    finally:
        await broker.stop()


async def test_a_database_killed_under_load_loses_nothing_that_was_acknowledged(settings, serve, eventually, tmp_path):
    database = Database("fast" if ENGINE == "fast" else "python", tmp_path / "database")
    await database.start()
    try:
        config = settings(Settings, mongodb=SecretStr(database.address))
        async with serve(build(config, recording())) as running:
            store: Store = running.service.store
            acknowledged: dict[str, list[int]] = {}

            async def writer(key: str) -> None:
                acknowledged[key] = []
                for number in range(15):
                    try:
                        await _publish(store, key, range(number, number + 1))
                        acknowledged[key].append(number)
                    except DatabaseError:
                        await asyncio.sleep(0.05)

            writers = asyncio.gather(*(writer(f"key-{n}") for n in range(6)))

            async def begun() -> bool:
                return sum(map(len, acknowledged.values())) > 10

            await eventually(begun)
            database.kill()
            await database.start()
            await writers

            async def all_there() -> bool:
                for key, numbers in acknowledged.items():
                    if not set(numbers) <= set(await store.effects.of(key)):
                        return False
                return True

            await eventually(all_there, seconds=40)
            for key in acknowledged:
                effects = await store.effects.of(key)
                assert effects == sorted(set(effects))
    finally:
        await database.stop()


async def test_topics_are_made_with_the_partitions_that_are_set(settings, serve, eventually):
    config = settings(Settings, partitions=5)
    async with serve(build(config, recording())) as running:

        async def consuming() -> bool:
            return bool((await running.http.get("/ready")).json()["consuming"])

        await eventually(consuming)
        admin = AIOKafkaAdminClient(**client_options(config))
        await admin.start()
        described = await admin.describe_topics([f"{config.topic_prefix}{ThingMade.topic}"])
        await admin.close()
        assert len(described[0]["partitions"]) == 5
