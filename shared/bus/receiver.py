"""Takes batches from Kafka through FastStream and hands each message to its handler, in order per key.

The offset of a batch is committed after every message of it was handled or parked. Acknowledging is therefore at-least-once, and the
inbox makes the effect once. On a broker that keeps nothing the group's name carries the broker's epoch, so that positions of an
earlier life of the broker are never used.
"""

import asyncio
import logging
import random
import time
from collections import defaultdict
from typing import Any

from aiokafka import ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage, KafkaRouter

from shared import backoff, telemetry
from shared.bus.broker import BrokerWatch
from shared.bus.consumer import Consumer, Unhealable
from shared.bus.delivery import Delivery, Repeated, deliver, inbox_id
from shared.bus.parking import Parking, lane_of
from shared.bus.security import security_of
from shared.bus.stall import StallWatch
from shared.events import header
from shared.mongo import Conflict, Database, Unavailable
from shared.outbox.relay import EPOCH_HEADER
from shared.worker import Worker

log = logging.getLogger(__name__)
MAX_RECORDS = 200
CONCURRENT_LANES = 16
CONFLICT_ATTEMPTS = 10
INBOX_LOOK_FROM = 8
LONGEST_PAUSE_SECONDS = 10.0
SESSION_TIMEOUT_MS = 6000
SESSION_TIMEOUT_EMBEDDED_MS = 3500
"""Shorter, because the embedded broker adds three seconds before a group is whole again."""
STUCK_AFTER_SECONDS = 60.0
LONGEST_COMMIT_SECONDS = 20.0
METADATA_MAX_AGE_MS = 5000
"""How soon a topic that was made anew is read again."""
CLOSING_SECONDS = 12.0
CLOSING_STALLED_SECONDS = 40.0
"""Longer, because a consumer that is left half closed would go on as a member of the group and hold its partitions."""


class Receiver:
    """One service's consumer, running. It follows the broker's epoch by starting anew, and so it does where it has stalled."""

    def __init__(self, database: Database[Any], consumer: Consumer, watch: BrokerWatch) -> None:
        self._database = database
        self._settings = database.settings
        self._consumer = consumer
        self._watch = watch
        self.parking = Parking(database, consumer)
        self._inbox = database.collection("inbox")
        self._broker: KafkaBroker | None = None
        self._subscriber: Any = None
        self._epoch: str | None = None
        self._batch_began: float | None = None
        self._stall = StallWatch()
        self._gate = asyncio.Semaphore(CONCURRENT_LANES)
        self._follow = Worker(f"{consumer.name}-receiver", self._keep_reading, interval=5.0)

    def start(self) -> None:
        """Begin to consume as soon as the broker answers."""
        self._watch.on_change.append(self._follow.wake)
        self.parking.worker.start()
        self._follow.start()

    async def stop(self) -> None:
        """Finish the batch under way, commit, leave the group."""
        await self._follow.stop()
        await self._close(CLOSING_SECONDS)
        await self.parking.worker.stop()

    @property
    def is_consuming(self) -> bool:
        """Whether the group was joined and partitions may come."""
        return self._broker is not None

    @property
    def is_stuck(self) -> bool:
        """Whether a batch has been under way for so long that the process should be replaced."""
        return self._batch_began is not None and time.monotonic() - self._batch_began > STUCK_AFTER_SECONDS

    def lag(self) -> int:
        """Messages on our partitions that were not taken yet."""
        consumer = self._subscriber.consumer if self._subscriber is not None else None
        if consumer is None:
            return 0
        total = 0
        for partition in consumer.assignment():
            high = consumer.highwater(partition)
            at = consumer.last_stable_offset(partition) if high is None else high
            position = self._positions.get((partition.topic, partition.partition), at or 0)
            total += max(0, (at or 0) - position)
        return total

    async def _keep_reading(self) -> int:
        """Begin anew where the broker has begun another life, or nothing is read."""
        epoch = self._watch.epoch
        if epoch is None:
            return 0
        if epoch != self._epoch:
            if self._broker is not None and self._settings.broker_keeps:
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
        consumer = self._subscriber.consumer if self._subscriber is not None else None
        if consumer is None or self._batch_began is not None:
            return False
        return await self._stall.is_stalled(consumer)

    async def _open(self, epoch: str) -> None:
        settings = self._settings
        self._positions: dict[tuple[str, int], int] = {}
        router = KafkaRouter()
        session = SESSION_TIMEOUT_MS if settings.broker_keeps else SESSION_TIMEOUT_EMBEDDED_MS
        group = f"{settings.topic_prefix}{self._consumer.name}"
        subscriber = router.subscriber(
            *sorted(f"{settings.topic_prefix}{topic}" for topic in self._consumer.topics),
            group_id=group if settings.broker_keeps else f"{group}.{epoch}",
            group_instance_id=f"{self._consumer.name}-{settings.instance}" if settings.static_membership else None,
            batch=True,
            max_records=MAX_RECORDS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 4,
            fetch_max_wait_ms=500 if settings.broker_keeps else 20,
            decoder=_as_it_is,
        )

        @subscriber
        async def receive(message: KafkaMessage) -> None:
            records = message.raw_message
            self._stall.moved()
            if await self._take(records if isinstance(records, tuple) else (records,)):
                await self._commit(message)
            self._stall.moved()

        broker = KafkaBroker(
            settings.kafka,
            client_id=f"{settings.name}-{settings.instance}",
            security=security_of(settings.kafka_access),
            logger=None,
            apply_types=True,
            graceful_timeout=10.0,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
        )
        broker.include_router(router)
        self._epoch = epoch
        try:
            await broker.start()
        except BaseException:
            self._epoch = None
            await broker.stop()
            raise
        self._stall = StallWatch()
        self._subscriber = broker.subscribers[0]
        self._broker = broker

    async def _commit(self, message: KafkaMessage) -> None:
        """Commit what has been read so far. Where that hangs it is left to the next batch: what comes twice takes effect once."""
        try:
            async with asyncio.timeout(LONGEST_COMMIT_SECONDS):
                await message.ack()
        except TimeoutError:
            log.warning("the broker has not taken the offsets of a batch in %.0f s; the next batch commits them", LONGEST_COMMIT_SECONDS)

    async def _close(self, seconds: float) -> None:
        broker, self._broker, self._subscriber = self._broker, None, None
        if broker is not None:
            try:
                async with asyncio.timeout(seconds):
                    await broker.stop()
            except Exception:
                log.debug("leaving the group failed; the session will time out", exc_info=True)
        self._epoch = None

    async def _take(self, records: "tuple[ConsumerRecord[bytes, bytes], ...]") -> bool:
        """Handle or park every message. False when they came from a life of the broker that has ended."""
        if not self._settings.broker_keeps:
            current = await self._of_this_epoch(records)
            if current is None:
                return False
            records = current
        self._batch_began = time.monotonic()
        try:
            await self._handle_in_the_end([Delivery.of_record(record) for record in records])
        finally:
            self._batch_began = None
        for record in records:
            self._positions[(record.topic, record.partition)] = record.offset + 1
        return True

    async def _handle_in_the_end(self, deliveries: list[Delivery]) -> None:
        """Try a batch until each message of it is handled or parked. FastStream says nothing of an error that leaves it here, and goes on
        behind the batch, which nobody would read again before this process ends.
        """
        failures = 0
        while True:
            try:
                await self._handle(deliveries)
            except Unavailable:
                await asyncio.sleep(random.uniform(0.2, 0.5))
            except Exception:
                failures += 1
                log.warning("a batch can be neither handled nor parked and will be tried again (%d)", failures, exc_info=True)
                await asyncio.sleep(backoff.pause(failures, first=0.4, longest=LONGEST_PAUSE_SECONDS))
            else:
                return

    async def _of_this_epoch(
        self, records: "tuple[ConsumerRecord[bytes, bytes], ...]"
    ) -> "tuple[ConsumerRecord[bytes, bytes], ...] | None":
        """Leave out what a relay sent that had not yet noticed that the broker is new: it sends that again."""
        epochs = {header(record.headers, EPOCH_HEADER) for record in records} - {None, self._epoch}
        if not epochs:
            return records
        if await self._watch.refresh() != self._epoch:
            self._follow.wake()
            return None
        return tuple(record for record in records if header(record.headers, EPOCH_HEADER) in (None, self._epoch))

    async def _handle(self, deliveries: list[Delivery]) -> None:
        wanted = [d for d in deliveries if d.envelope is None or d.envelope.type in self._consumer.handlers]
        if len(wanted) >= INBOX_LOOK_FROM:
            known = await self._inbox.find({"_id": {"$in": [inbox_id(self._consumer, d) for d in wanted]}}, projection={"_id": 1})
            seen = {row["_id"] for row in known}
            wanted = [d for d in wanted if inbox_id(self._consumer, d) not in seen]
        if not wanted:
            return
        lanes: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in wanted:
            lanes[lane_of(self._consumer, delivery)].append(delivery)
        held = await self.parking.held_lanes(list(lanes))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._lane(queue, held=lane in held)) for lane, queue in lanes.items()]
        failures = [failure for task in tasks if (failure := task.result()) is not None]
        if failures:
            raise failures[0]

    async def _lane(self, queue: list[Delivery], *, held: bool) -> Unavailable | None:
        async with self._gate:
            for delivery in queue:
                try:
                    held = await self._one(delivery, held=held)
                except Unavailable as unavailable:
                    return unavailable
        return None

    async def _one(self, delivery: Delivery, *, held: bool) -> bool:
        """Handle one message, or park it. Whether its lane is held afterwards."""
        if held:
            await self.parking.park(delivery, None)
            self.parking.worker.wake()
            return True
        error: Exception = Unhealable("it was never tried")
        for attempt in range(1, CONFLICT_ATTEMPTS + 1):
            try:
                await deliver(self._database, self._consumer, delivery)
            except Repeated:
                _count(delivery, "repeated")
                return False
            except Unavailable:
                raise
            except Conflict as conflict:
                error = conflict
                await asyncio.sleep(random.uniform(0.002, 0.01) * 2**attempt)
            except Exception as failure:  # noqa: BLE001 (whatever a handler raises parks the message)
                error = failure
                break
            else:
                _count(delivery, "handled")
                return False
        _count(delivery, "parked")
        await self.parking.park(delivery, error)
        return bool(await self.parking.held_lanes([lane_of(self._consumer, delivery)]))


def _count(delivery: Delivery, outcome: str) -> None:
    telemetry.operations.add(1, {"messaging.destination.name": delivery.topic, "outcome": outcome})


async def _as_it_is(message: Any) -> Any:
    return message.body
