"""FastStream's part in reading: it joins the group, asks for batches and calls one function with the records as they came.

FastStream swallows whatever fails between the fetch and the end of its handler, and asks for the next records. `SettlingConsumer`
therefore gives records out again until `settle()` was called for them. Nothing in a record steers FastStream: the parser looks at
no header, replies are off, and no producer is connected.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage, KafkaRouter
from faststream.kafka.message import FAKE_CONSUMER

from shared import retry
from shared.bus import records as _records  # noqa: F401 (makes aiokafka's fetcher use records that can always be decoded)
from shared.bus.security import security_of
from shared.settings import ServiceSettings

log = logging.getLogger(__name__)
MAX_RECORDS = 200
SESSION_TIMEOUT_MS = 6000
SESSION_TIMEOUT_EMBEDDED_MS = 3500
"""Shorter, because the embedded broker adds three seconds before a group is whole again."""
METADATA_MAX_AGE_MS = 5000
"""How soon a topic that was made anew is read again."""
LONGEST_PAUSE_SECONDS = 10.0
_NOWHERE = TopicPartition("", 0)
KafkaRecords = tuple["ConsumerRecord[bytes, bytes]", ...]


class SettlingConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # it has no types
    """Gives no record out behind one that was given out and not settled."""

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **options)
        self._given_out: dict[TopicPartition, int] = {}
        self._repeats = 0

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None) -> dict[Any, Any]:
        """Records by partition, as aiokafka gives them. Where the last ones were not settled, they come again after a pause."""
        if self._given_out:
            self._repeats += 1
            log.warning("records were neither handled nor parked and are read again (%d)", self._repeats)
            await asyncio.sleep(retry.pause(self._repeats, first=0.2, longest=LONGEST_PAUSE_SECONDS))
            self._go_back(self._given_out)
        before = self._positions()
        asked = [partition for partition in before if not partitions or partition in partitions]
        try:  # only those whose position is known can be read again
            found: dict[Any, Any] = await super().getmany(*(asked or [_NOWHERE]), timeout_ms=timeout_ms, max_records=max_records)
        except Exception:
            self._go_back(before)  # aiokafka has counted records of other partitions as consumed, and dropped them
            raise
        self._given_out = {partition: records[0].offset for partition, records in found.items()}
        return found

    def settle(self) -> None:
        """Every record given out so far was handled or is kept elsewhere."""
        self._given_out = {}
        self._repeats = 0

    def _positions(self) -> dict[TopicPartition, int]:
        subscription = self._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None:
            return {}
        states = {partition: assignment.state_value(partition) for partition in assignment.tps}
        return {partition: state.position for partition, state in states.items() if state.has_valid_position}

    def _go_back(self, offsets: Mapping[TopicPartition, int]) -> None:
        now = self._positions()
        for partition, offset in offsets.items():
            if now.get(partition, offset) > offset:
                try:
                    self.seek(partition, offset)
                except IllegalStateError:  # it was given to another consumer, which begins at what was committed
                    log.debug("a partition was taken away")
        self._given_out = {}


class RedactingLogger:
    """Passes on that FastStream met an error and of which type; its text may quote a record."""

    def log(self, level: int, msg: Any, /, *, exc_info: Any = None, extra: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """FastStream's `LoggerProto`. What is below an error is its own affair: joining, batches, rebalances."""
        if level >= logging.ERROR:
            log.log(level, "FastStream: %s", type(exc_info).__name__ if exc_info else "an error", exc_info=exc_info)


class Subscription:
    """A member of a consumer group that calls `receive` with each batch of records."""

    def __init__(
        self,
        settings: ServiceSettings,
        topics: Iterable[str],
        *,
        group: str,
        member: str | None,
        receive: Callable[[KafkaRecords], Awaitable[None]],
    ) -> None:
        session = SESSION_TIMEOUT_MS if settings.broker_keeps else SESSION_TIMEOUT_EMBEDDED_MS
        router = KafkaRouter()
        subscriber = router.subscriber(
            *sorted(topics),
            group_id=group,
            group_instance_id=member,
            batch=True,
            max_records=MAX_RECORDS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 4,
            fetch_max_wait_ms=500 if settings.broker_keeps else 20,
            parser=_as_they_came,
            decoder=_undecoded,
            no_reply=True,
        )

        @subscriber
        async def take(message: KafkaMessage) -> None:
            records = message.raw_message
            await receive(records if isinstance(records, tuple) else (records,))

        self._broker = KafkaBroker(**connection(settings), logger=RedactingLogger(), consumer_only=True, graceful_timeout=10.0)
        self._broker.include_router(router)

    async def start(self) -> None:
        """Join the group. Raises what aiokafka raises."""
        try:
            await self._broker.connect()
            config = self._broker.config.broker_config
            config.builder = partial(SettlingConsumer, **config.builder.keywords)  # type: ignore[attr-defined]
            await self._broker.start()
        except BaseException:
            await self._broker.stop()
            raise

    async def stop(self) -> None:
        """Wait for the batch under way, then leave the group."""
        await self._broker.stop()

    @property
    def consumer(self) -> SettlingConsumer | None:
        """The consumer, None once it was stopped."""
        consumer: SettlingConsumer | None = self._broker.subscribers[0].consumer  # type: ignore[attr-defined]
        return consumer


def connection(settings: ServiceSettings) -> dict[str, Any]:
    """How a consumer reaches the broker: the arguments of `KafkaBroker` that say where it is, and who asks."""
    return {
        "bootstrap_servers": settings.kafka,
        "client_id": f"{settings.name}-{settings.instance}",
        "security": security_of(settings.kafka_access),
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
    }


async def _as_they_came(records: Any) -> KafkaMessage:
    """FastStream's message around the records, with nothing taken from them."""
    return KafkaMessage(raw_message=records, body=[], correlation_id="-", message_id="-", consumer=FAKE_CONSUMER)


async def _undecoded(message: Any) -> Any:
    return message.body
