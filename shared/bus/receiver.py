"""Reads Kafka in batches through FastStream and hands each message to its handler, in order per key.

The offsets of a batch are committed after every message of it was handled, parked, or is dead, and they are that batch's own offsets.
Acknowledging is therefore at-least-once, and the inbox makes the effect once. On a broker that keeps nothing the group's name carries
the broker's epoch, so that positions of an earlier life of the broker are never used.
"""

import asyncio
import logging
import random
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared import clock, retry
from shared.bus.broker import BrokerWatch
from shared.bus.consumer import Consumer
from shared.bus.delivery import Delivery, inbox_id, lane_of, old_inbox_id
from shared.bus.lanes import Lanes
from shared.bus.parking import Parking
from shared.bus.stall import StallWatch
from shared.bus.subscription import KafkaRecords, Subscription
from shared.events import SOURCE_PREFIX, header
from shared.mongo import Database, Unavailable
from shared.outbox.relay import EPOCH_HEADER
from shared.settings import INBOX_DAYS
from shared.worker import Worker

log = logging.getLogger(__name__)
INBOX_LOOK_FROM = 8
LONGEST_PAUSE_SECONDS = 10.0
STUCK_AFTER_SECONDS = 60.0
LONGEST_COMMIT_SECONDS = 20.0
CLOSING_SECONDS = 12.0
CLOSING_STALLED_SECONDS = 40.0
"""Longer, because a consumer that is left half closed would go on as a member of the group and hold its partitions."""


class Receiver:
    """One service's consumer, running. It follows the broker's epoch by starting anew, and so it does where it has stalled."""

    def __init__(self, database: Database[Any], consumer: Consumer, watch: BrokerWatch) -> None:
        self._settings = database.settings
        self._consumer = consumer
        self._watch = watch
        self.parking = Parking(database, consumer)
        self._lanes = Lanes(database, consumer, self.parking)
        self._inbox = database.collection("inbox")
        self._notes = database.collection("relay")
        self._subscriber: Subscription | None = None
        self._epoch: str | None = None
        self._batch_began: float | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._old_inbox_until: datetime | None = None
        self._stall = StallWatch()
        self._follow = Worker(f"{consumer.name}-receiver", self._keep_reading, interval=5.0)

    def start(self) -> None:
        """Begin to consume as soon as the broker answers."""
        self._watch.on_change.append(self._follow.wake)
        self.parking.worker.start()
        self._follow.start()

    async def stop(self) -> None:
        """Finish the batch under way, commit, leave the group; then end what runs beside the batches."""
        await self._follow.stop()
        await self._close(CLOSING_SECONDS)
        await asyncio.gather(self._lanes.stop(), self.parking.stop())

    @property
    def is_consuming(self) -> bool:
        """Whether the group was joined and partitions may come."""
        return self._subscriber is not None

    @property
    def is_stuck(self) -> bool:
        """Whether a batch has been under way for so long that the process should be replaced."""
        return self._batch_began is not None and time.monotonic() - self._batch_began > STUCK_AFTER_SECONDS

    @property
    def _kafka(self) -> Any:
        return self._subscriber.consumer if self._subscriber is not None else None

    def lag(self) -> int:
        """Messages on our partitions that were not taken yet."""
        consumer = self._kafka
        if consumer is None:
            return 0
        total = 0
        for partition in consumer.assignment():
            high = consumer.highwater(partition)
            at = consumer.last_stable_offset(partition) if high is None else high
            position = self._positions.get(partition, at or 0)
            total += max(0, (at or 0) - position)
        return total

    async def _keep_reading(self) -> int:
        """Begin anew where the broker has begun another life, or nothing is read."""
        epoch = self._watch.epoch
        if epoch is None:
            return 0
        if epoch != self._epoch:
            if self._subscriber is not None and self._settings.broker_keeps:
                log.warning("the broker's cluster id has changed; reading goes on where the group left off")
            await self._close(CLOSING_SECONDS)
            await self._open(epoch)
        elif await self._is_stalled():
            log.warning("nothing is read though there is something to read; the group is left and joined anew")
            await self._close(CLOSING_STALLED_SECONDS)
            await self._open(epoch)
        return 0

    async def _is_stalled(self) -> bool:
        """A batch under way is no stall, however long it takes: see `is_stuck`."""
        consumer = self._kafka
        if consumer is None or self._batch_began is not None:
            return False
        return await self._stall.is_stalled(consumer)

    async def _open(self, epoch: str) -> None:
        settings = self._settings
        await self._look_for_an_old_inbox()
        self._positions, self._uncommitted = {}, {}
        group = f"{settings.topic_prefix}{self._consumer.name}"
        subscription = Subscription(
            settings,
            [f"{settings.topic_prefix}{topic}" for topic in self._consumer.topics],
            group=group if settings.broker_keeps else f"{group}.{epoch}",
            member=f"{self._consumer.name}-{settings.instance}" if settings.static_membership else None,
            receive=self._receive,
        )
        self._epoch = epoch
        self._subscriber = subscription  # before it starts, because the first batch may come at once
        try:
            await subscription.start()
        except BaseException:
            self._epoch = self._subscriber = None
            raise
        self._stall = StallWatch()

    async def _look_for_an_old_inbox(self) -> None:
        """Until when rows may be there that name an event by its id alone, as every row did before sources were known.

        They are looked at for as long as they live, so that an event that was handled before an upgrade takes no effect after it.
        """
        if self._old_inbox_until is not None:
            return
        marker = f"inbox:{self._consumer.name}"
        row = await self._notes.find_one({"_id": marker})
        if row is None:
            had_rows = await self._inbox.find_one({}, projection={"_id": 1}) is not None
            since = clock.now() if had_rows else _LONG_AGO
            row = await self._notes.find_one_and_update({"_id": marker}, {"$setOnInsert": {"since": since}}, upsert=True)
        self._old_inbox_until = (row or {"since": _LONG_AGO})["since"] + timedelta(days=INBOX_DAYS + 1)

    async def _close(self, seconds: float) -> None:
        subscription, self._subscriber = self._subscriber, None
        if subscription is not None:
            try:
                async with asyncio.timeout(seconds):
                    await subscription.stop()
            except Exception:
                log.debug("leaving the group failed; the session will time out", exc_info=True)
        self._epoch = None

    async def _receive(self, records: KafkaRecords) -> None:
        """Take a batch and commit its offsets. Where this raises, or the batch was not for us, the same records come again."""
        consumer = self._kafka
        self._stall.moved()
        if consumer is not None and await self._take(records):
            consumer.settle()
            await self._commit(consumer)
        self._stall.moved()

    async def _take(self, records: KafkaRecords) -> bool:
        """Handle or park every message. False when they came from a life of the broker that has ended."""
        self._batch_began = time.monotonic()
        try:
            current = records if self._settings.broker_keeps else await self._of_this_epoch(records)
            if current is None:
                return False
            await self._handle_in_the_end([Delivery.of_record(record) for record in current])
        finally:
            self._batch_began = None
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            self._positions[partition] = self._uncommitted[partition] = record.offset + 1
        return True

    async def _commit(self, consumer: Any) -> None:
        """Commit the offsets of what was taken. Where that fails or hangs, the next batch does it: what comes twice takes effect once."""
        ours = consumer.assignment()
        self._uncommitted = {partition: offset for partition, offset in self._uncommitted.items() if partition in ours}
        try:
            async with asyncio.timeout(LONGEST_COMMIT_SECONDS):
                if self._uncommitted:
                    await consumer.commit(dict(self._uncommitted))
        except TimeoutError:
            log.warning("the broker has not taken the offsets of a batch in %.0f s; the next batch commits them", LONGEST_COMMIT_SECONDS)
        except KafkaError:
            log.debug("the offsets of a batch were not taken; the next batch commits them", exc_info=True)
        else:
            self._uncommitted = {}

    async def _handle_in_the_end(self, deliveries: list[Delivery]) -> None:
        """Try a batch until each message of it is handled or parked: until then nothing behind it is read."""
        failures = 0
        while True:
            try:
                await self._handle(deliveries)
            except Unavailable:
                await asyncio.sleep(random.uniform(0.2, 0.5))
            except Exception:
                failures += 1
                log.warning("a batch can be neither handled nor parked and will be tried again (%d)", failures, exc_info=True)
                await asyncio.sleep(retry.pause(failures, first=0.4, longest=LONGEST_PAUSE_SECONDS))
            else:
                return

    async def _of_this_epoch(self, records: KafkaRecords) -> KafkaRecords | None:
        """Leave out what a relay sent that had not yet noticed that the broker is new: it sends that again."""
        if not any(self._is_of_another_epoch(record) for record in records):
            return records
        if await self._watch.refresh() != self._epoch:
            self._follow.wake()
            return None
        return tuple(record for record in records if not self._is_of_another_epoch(record))

    def _is_of_another_epoch(self, record: Any) -> bool:
        """Only a relay's records have an epoch: that header means nothing on a record from another source."""
        if header(record.headers, EPOCH_HEADER) in (None, self._epoch):
            return False
        return (header(record.headers, "ce_source") or "").startswith(SOURCE_PREFIX)

    async def _handle(self, deliveries: list[Delivery]) -> None:
        wanted = [d for d in deliveries if d.envelope is None or d.envelope.type in self._consumer.handlers]
        wanted = await self._new(wanted)
        if not wanted:
            return
        lanes: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in wanted:
            lanes[lane_of(self._consumer, delivery)].append(delivery)
        await self._lanes.run(lanes, await self.parking.held_lanes(list(lanes)))

    async def _new(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Leave out what the inbox knows, where to ask once is cheaper than to find out one by one, or old rows may be there."""
        old = self._old_inbox_until is None or clock.now() < self._old_inbox_until
        if not deliveries or (len(deliveries) < INBOX_LOOK_FROM and not old):
            return deliveries
        ids = {id_: delivery for delivery in deliveries for id_ in self._inbox_ids(delivery, old=old)}
        known = await self._inbox.find({"_id": {"$in": list(ids)}}, projection={"_id": 1})
        seen = {ids[row["_id"]].identity for row in known}
        return [delivery for delivery in deliveries if delivery.identity not in seen]

    def _inbox_ids(self, delivery: Delivery, *, old: bool) -> set[str]:
        ids = {inbox_id(self._consumer, delivery), old_inbox_id(self._consumer, delivery) if old else None}
        return {id_ for id_ in ids if id_ is not None}


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
