"""FastStream's part in reading: joins the group, fetches batches, and calls one function with the records as fetched.

FastStream swallows any error between the fetch and the end of its handler, and asks for the next records. `ConfirmingConsumer` therefore
returns records again until `confirm()` is called for them. Nothing in a record steers FastStream: the parser reads no header, replies are
off, and no producer is connected.
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
from shared.kafka.connection import connection
from shared.kafka.redaction import RedactingLogger
from shared.settings import ServiceSettings

log = logging.getLogger(__name__)
MAX_RECORDS = 200
SESSION_TIMEOUT_MS = 6000
SESSION_TIMEOUT_EMBEDDED_MS = 3500
"""Shorter, because the embedded broker takes three seconds more to complete a group."""
LONGEST_PAUSE_SECONDS = 10.0
_NOWHERE = TopicPartition("", 0)
KafkaRecords = tuple["ConsumerRecord[bytes, bytes]", ...]


class ConfirmingConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """Returns no record behind one that was returned and not confirmed."""

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **options)
        self._given_out: dict[TopicPartition, int] = {}
        self._repeats = 0

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None) -> dict[Any, Any]:
        """Records by partition, as aiokafka returns them. Unconfirmed ones come again after a pause."""
        if self._given_out:
            self._repeats += 1
            log.warning("records were neither handled nor parked and are read again (%d)", self._repeats)
            await asyncio.sleep(retry.pause(self._repeats, first=0.2, longest=LONGEST_PAUSE_SECONDS))
            self._go_back(self._given_out)
        before = self._positions()
        asked = [partition for partition in before if not partitions or partition in partitions]
        try:  # only partitions with a known position can be read again
            found: dict[Any, Any] = await super().getmany(*(asked or [_NOWHERE]), timeout_ms=timeout_ms, max_records=max_records)
        except Exception:
            self._go_back(before)  # aiokafka has dropped records of other partitions, counted as consumed
            raise
        self._given_out = {partition: records[0].offset for partition, records in found.items()}
        return found

    def confirm(self) -> None:
        """Notes that every record returned so far is handled or parked."""
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
                except IllegalStateError:  # another consumer has it, and begins at the committed offset
                    log.debug("a partition was assigned to another consumer")
        self._given_out = {}


class Subscription:
    """A member of a consumer group. Calls `receive` with each batch of records."""

    def __init__(
        self,
        settings: ServiceSettings,
        topics: Iterable[str],
        *,
        group: str,
        member: str | None,
        receive: Callable[[KafkaRecords], Awaitable[None]],
    ) -> None:
        session = SESSION_TIMEOUT_MS if settings.broker_durable else SESSION_TIMEOUT_EMBEDDED_MS
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
            fetch_max_wait_ms=500 if settings.broker_durable else 20,
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
        """Joins the group. Raises aiokafka's errors."""
        try:
            await self._broker.connect()
            config = self._broker.config.broker_config
            config.builder = partial(ConfirmingConsumer, **config.builder.keywords)  # type: ignore[attr-defined]
            await self._broker.start()
        except BaseException:
            await self._broker.stop()
            raise

    async def stop(self) -> None:
        """Waits for the current batch, then leaves the group."""
        await self._broker.stop()

    @property
    def consumer(self) -> ConfirmingConsumer | None:
        """The consumer; None after the stop."""
        consumer: ConfirmingConsumer | None = self._broker.subscribers[0].consumer  # type: ignore[attr-defined]
        return consumer


async def _as_they_came(records: Any) -> KafkaMessage:
    """FastStream's message around the records, without reading them."""
    return KafkaMessage(raw_message=records, body=[], correlation_id="-", message_id="-", consumer=FAKE_CONSUMER)


async def _undecoded(message: Any) -> Any:
    return message.body
