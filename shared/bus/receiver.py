"""Reads a router's topics in batches and runs the handler of each message, in order per key.

Commits the offsets of a batch after each of its messages is handled, parked or dead, and commits that batch's own offsets. Delivery is
therefore at least once; the inbox makes the effect once. On a broker that is not durable, the group's name contains the broker's epoch,
so that offsets of an earlier life of the broker are never used.
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
from shared.bus.delivery import Delivery, inbox_id, lane_of, old_inbox_id
from shared.bus.lanes import Lanes
from shared.bus.parking import Parking
from shared.bus.router import EventRouter
from shared.bus.stall import StallWatch
from shared.bus.subscription import KafkaRecords, Subscription
from shared.events import SOURCE_PREFIX, header
from shared.kafka.broker import EPOCH_HEADER, BrokerWatch
from shared.mongo import Database, Unavailable
from shared.settings import INBOX_DAYS
from shared.worker import Worker

log = logging.getLogger(__name__)
INBOX_LOOK_FROM = 8
LONGEST_PAUSE_SECONDS = 10.0
STUCK_AFTER_SECONDS = 60.0
LONGEST_COMMIT_SECONDS = 20.0
CLOSING_SECONDS = 12.0
CLOSING_STALLED_SECONDS = 40.0
"""Longer than `CLOSING_SECONDS`: a half-closed consumer would stay in the group and hold its partitions."""


class Receiver:
    """Runs one router's subscribers. Joins the group again when the broker's epoch changes and when reading has stalled."""

    def __init__(self, database: Database[Any], router: EventRouter, watch: BrokerWatch) -> None:
        self._settings = database.settings
        self._router = router
        self._watch = watch
        self.parking = Parking(database, router)
        self._lanes = Lanes(database, router, self.parking)
        self._inbox = database.collection("inbox")
        self._notes = database.collection("relay")
        self._subscriber: Subscription | None = None
        self._epoch: str | None = None
        self._batch_began: float | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._old_inbox_until: datetime | None = None
        self._stall = StallWatch()
        self._follow = Worker(f"{router.name}-receiver", self._keep_reading, interval=5.0)

    def start(self) -> None:
        """Starts to consume as soon as the broker answers."""
        self._watch.on_change.append(self._follow.wake)
        self.parking.worker.start()
        self._follow.start()

    async def stop(self) -> None:
        """Finishes the current batch, commits it and leaves the group; then stops the handlers that were set aside and the retries."""
        await self._follow.stop()
        await self._close(CLOSING_SECONDS)
        await asyncio.gather(self._lanes.stop(), self.parking.stop())

    @property
    def is_consuming(self) -> bool:
        """Whether the consumer has joined its group."""
        return self._subscriber is not None

    @property
    def is_stuck(self) -> bool:
        """Whether a batch has run for `STUCK_AFTER_SECONDS`, so that the process should be replaced."""
        return self._batch_began is not None and time.monotonic() - self._batch_began > STUCK_AFTER_SECONDS

    @property
    def _kafka(self) -> Any:
        return self._subscriber.consumer if self._subscriber is not None else None

    def lag(self) -> int:
        """Messages on the assigned partitions that are not yet handled or parked."""
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
        """Joins the group again after the broker's epoch has changed, or reading has stalled."""
        epoch = self._watch.epoch
        if epoch is None:
            return 0
        if epoch != self._epoch:
            if self._subscriber is not None and self._settings.broker_durable:
                log.warning("the broker's cluster id has changed; reading continues at the group's offsets")
            await self._close(CLOSING_SECONDS)
            await self._open(epoch)
        elif await self._is_stalled():
            log.warning("reading has stalled while records wait; the consumer joins its group again")
            await self._close(CLOSING_STALLED_SECONDS)
            await self._open(epoch)
        return 0

    async def _is_stalled(self) -> bool:
        """A running batch is no stall, however long it takes: see `is_stuck`."""
        consumer = self._kafka
        if consumer is None or self._batch_began is not None:
            return False
        return await self._stall.is_stalled(consumer)

    async def _open(self, epoch: str) -> None:
        settings = self._settings
        await self._look_for_an_old_inbox()
        self._positions, self._uncommitted = {}, {}
        group = f"{settings.topic_prefix}{self._router.name}"
        subscription = Subscription(
            settings,
            [f"{settings.topic_prefix}{topic}" for topic in self._router.topics],
            group=group if settings.broker_durable else f"{group}.{epoch}",
            member=f"{self._router.name}-{settings.instance}" if settings.static_membership else None,
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
        """Sets until when the inbox may have rows of a release that named an event by its id alone.

        Such rows are looked up until they expire, so that an event handled before an upgrade has no second effect after it.
        """
        if self._old_inbox_until is not None:
            return
        marker = f"inbox:{self._router.name}"
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
        """Handles a batch and commits its offsets. If this raises, or the batch is of an earlier epoch, the same records come again."""
        consumer = self._kafka
        self._stall.moved()
        if consumer is not None and await self._take(records):
            consumer.confirm()
            await self._commit(consumer)
        self._stall.moved()

    async def _take(self, records: KafkaRecords) -> bool:
        """Handles or parks every message. False for records of an earlier life of the broker."""
        self._batch_began = time.monotonic()
        try:
            current = records if self._settings.broker_durable else await self._of_this_epoch(records)
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
        """Commits the offsets of handled batches. After a failure or timeout the next batch commits them; the inbox absorbs repeats."""
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
        """Retries a batch until each of its messages is handled or parked. Nothing behind it is read before that."""
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
        """Drops records of a relay that had not yet seen the broker's new epoch: that relay sends them again."""
        if not any(self._is_of_another_epoch(record) for record in records):
            return records
        if await self._watch.refresh() != self._epoch:
            self._follow.wake()
            return None
        return tuple(record for record in records if not self._is_of_another_epoch(record))

    def _is_of_another_epoch(self, record: Any) -> bool:
        """Whether a relay sent the record to another life of the broker. The header counts on records of this platform only."""
        if header(record.headers, EPOCH_HEADER) in (None, self._epoch):
            return False
        return (header(record.headers, "ce_source") or "").startswith(SOURCE_PREFIX)

    async def _handle(self, deliveries: list[Delivery]) -> None:
        wanted = [d for d in deliveries if d.envelope is None or d.envelope.type in self._router.handlers]
        wanted = await self._new(wanted)
        if not wanted:
            return
        lanes: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in wanted:
            lanes[lane_of(self._router, delivery)].append(delivery)
        await self._lanes.run(lanes, await self.parking.held_lanes(list(lanes)))

    async def _new(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Drops messages that the inbox knows, if one query is cheaper than an attempt each, or if rows of an earlier release may exist."""
        old = self._old_inbox_until is None or clock.now() < self._old_inbox_until
        if not deliveries or (len(deliveries) < INBOX_LOOK_FROM and not old):
            return deliveries
        ids = {id_: delivery for delivery in deliveries for id_ in self._inbox_ids(delivery, old=old)}
        known = await self._inbox.find({"_id": {"$in": list(ids)}}, projection={"_id": 1})
        seen = {ids[row["_id"]].identity for row in known}
        return [delivery for delivery in deliveries if delivery.identity not in seen]

    def _inbox_ids(self, delivery: Delivery, *, old: bool) -> set[str]:
        ids = {inbox_id(self._router, delivery), old_inbox_id(self._router, delivery) if old else None}
        return {id_ for id_ in ids if id_ is not None}


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
