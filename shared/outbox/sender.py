"""Sends outbox rows to the broker so that no later row of a key overtakes an earlier one, whatever fails.

Rows of one partition are sent in batches, one after the other. The broker accepts a batch whole or not at all (Kafka protocol, record
batch), so after a failed batch nothing behind it was sent. A refused batch is sent again row by row: rows that are refused alone are set
aside, and the others flow. FastStream's `publish_batch` has one set of headers for all records, and its `publish` no batch whose end is
known: docs/decisions/0031.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from opentelemetry.trace import Span, Status, StatusCode

from shared import telemetry
from shared.events import header
from shared.kafka.broker import EPOCH_HEADER, BrokerWatch
from shared.mongo import Document
from shared.outbox.refusal import Verdict, forbids_topic, verdict
from shared.settings import ServiceSettings

BATCH_BYTES = 262_144
LONGEST_RECORD = 1_048_576
"""Bytes of a record that every client accepts by default (`max.request.size`, `max.partition.fetch.bytes`)."""
REQUEST_TIMEOUT_MS = 10_000
ANSWER_SECONDS = 15.0
"""Seconds for a batch with all retries of the producer. An idempotent producer would retry without end."""
CLOSING_SECONDS = 3.0
SURE_AFTER = 5
"""Refusals of a row alone, without a clear cause, after which the refusal is final."""


@dataclass(frozen=True)
class Refusal:
    """A row that the broker refuses for good."""

    row: Document
    error: BaseException
    whole_topic: bool


@dataclass
class Outcome:
    """The outcome of a send. Rows in neither list were not sent, or their outcome is unknown."""

    accepted: list[Document] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    failure: Exception | None = None
    """Why the remaining rows should be sent again later."""


@dataclass
class _Lane:
    """Rows of one partition, in order, and the number of sent ones."""

    topic: str
    partition: int
    rows: list[Document]
    done: int = 0
    together: int = 0
    """Number of rows in the refused batch."""
    refused: Exception | None = None


class Sender:
    """One service's producer."""

    def __init__(self, settings: ServiceSettings, watch: BrokerWatch) -> None:
        self._settings = settings
        self._watch = watch
        self._partition = DefaultPartitioner()
        self._producer: AIOKafkaProducer | None = None
        self._unsure: dict[str, int] = {}

    async def send(self, rows: Sequence[Document], epoch: str) -> Outcome:
        """Sends rows, those of a key in the given order. `epoch` is the broker's; rows to a broker that is not durable carry it."""
        outcome = Outcome()
        try:
            lanes = await self._lanes(rows, outcome)
            await asyncio.gather(*(self._lane(lane, outcome, epoch) for lane in lanes))
            for lane in lanes:
                while lane.refused is not None:
                    await self._one_by_one(lane, outcome, epoch)
                    await self._lane(lane, outcome, epoch)
        except (KafkaError, OSError, TimeoutError) as error:
            outcome.failure = outcome.failure or error
        return outcome

    async def close(self) -> None:
        """Closes the connection, within `CLOSING_SECONDS`, also if the broker hangs."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await producer.stop()
        except (KafkaError, OSError, TimeoutError):
            if producer._sender.sender_task is not None:  # noqa: SLF001 (it would keep sending beside its successor)
                producer._sender.sender_task.cancel()  # noqa: SLF001
            for connection in list(producer.client._conns.values()):  # noqa: SLF001
                connection.close()

    async def _lanes(self, rows: Sequence[Document], outcome: Outcome) -> list[_Lane]:
        by_topic: dict[str, list[Document]] = defaultdict(list)
        for row in rows:
            by_topic[row["topic"]].append(row)
        found: dict[tuple[str, int], list[Document]] = defaultdict(list)
        for topic, of_topic in by_topic.items():
            try:
                await self._watch.ensure(topic)
                partitions = sorted(await (await self._connected()).partitions_for(topic))
            except KafkaError as error:
                if not forbids_topic(error):
                    outcome.failure = error
                else:
                    outcome.refused += _for_whole_topic(of_topic, error)
                continue
            for row in of_topic:
                found[topic, self._partition(row["key"].encode(), partitions, partitions)].append(row)
        return [_Lane(topic, partition, of_partition) for (topic, partition), of_partition in found.items()]

    async def _lane(self, lane: _Lane, outcome: Outcome, epoch: str) -> None:
        """Sends a lane's rows batch after batch, until one fails."""
        lane.refused = None
        while lane.done < len(lane.rows):
            count, error = await self._batch(lane, epoch, len(lane.rows))
            batch = lane.rows[lane.done : lane.done + count]
            if error is None:
                lane.done += count
                outcome.accepted += batch
                continue
            said = verdict(error)
            if said is Verdict.LATER:
                outcome.failure = error
            elif said is Verdict.TOPIC:
                outcome.refused += _for_whole_topic(lane.rows[lane.done :], error)
            else:
                lane.together, lane.refused = count, error
            return

    async def _one_by_one(self, lane: _Lane, outcome: Outcome, epoch: str) -> None:
        """Sends the rows of a refused batch one by one; drops the refused ones and the later rows of their keys from the lane."""
        alone, error, lane.refused = lane.together == 1, lane.refused, None
        until = lane.done + lane.together
        while lane.done < until:
            if not alone:
                _, error = await self._batch(lane, epoch, 1)
            alone = False
            row = lane.rows[lane.done]
            if error is None:
                outcome.accepted.append(row)
                lane.done += 1
                continue
            if not self._is_final(row, error):
                outcome.failure = error
                lane.rows = lane.rows[: lane.done]
                return
            outcome.refused.append(Refusal(row, error, whole_topic=False))
            rest = lane.rows[lane.done + 1 :]
            until -= 1 + sum(later["key"] == row["key"] for later in lane.rows[lane.done + 1 : until])
            lane.rows = lane.rows[: lane.done] + [later for later in rest if later["key"] != row["key"]]
            if self._settings.broker_durable:  # an idempotent producer has numbered the refused batch; the broker has not
                await self.close()

    def _is_final(self, row: Document, error: Exception) -> bool:
        said = verdict(error)
        if said is not Verdict.UNSURE:
            self._unsure.pop(row["_id"], None)
            return said is not Verdict.LATER
        times = self._unsure[row["_id"]] = self._unsure.get(row["_id"], 0) + 1
        if times >= SURE_AFTER:
            del self._unsure[row["_id"]]
        return times >= SURE_AFTER

    async def _batch(self, lane: _Lane, epoch: str, most: int) -> tuple[int, Exception | None]:
        """Sends as many of a lane's next rows as fit in one batch. Returns their number, and the error if they failed."""
        producer = await self._connected()
        batch, spans, count = producer.create_batch(), list[tuple[int, Span]](), 0
        for row in lane.rows[lane.done : lane.done + most]:
            headers = [(name, bytes(value)) for name, value in row["headers"]]
            parent = header(headers, "traceparent")
            if telemetry.is_sampled(parent):
                span = telemetry.start(
                    f"send {lane.topic}", kind=telemetry.PRODUCER, parent=parent, attributes=_attributes(lane, row["_id"])
                )
                headers = [(n, (telemetry.carried(span) or "").encode() if n == "traceparent" else v) for n, v in headers]
                spans.append((count, span))
            if not self._settings.broker_durable:
                headers.append((EPOCH_HEADER, epoch.encode()))
            if batch.append(timestamp=None, key=row["key"].encode(), value=bytes(row["value"]), headers=headers) is None:
                if spans and spans[-1][0] == count:
                    spans.pop()
                break
            count += 1
        offset, error = 0, None
        try:
            if count == 1 and batch.size() > LONGEST_RECORD:
                raise MessageSizeTooLargeError(f"the record has {batch.size()} bytes")
            async with asyncio.timeout(ANSWER_SECONDS):
                offset = (await (await producer.send_batch(batch, lane.topic, partition=lane.partition))).offset
        except (KafkaError, OSError, TimeoutError, AssertionError) as failed:
            error = failed
        for nth, span in spans:
            if error is None:
                span.set_attribute("messaging.kafka.offset", offset + nth)
            else:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
            span.end()
        return count, error

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._settings.kafka,
                **self._settings.kafka_access.client_options(),
                acks="all",
                enable_idempotence=self._settings.broker_durable,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                max_batch_size=BATCH_BYTES,
                metadata_max_age_ms=METADATA_MAX_AGE_MS,
                client_id=f"{self._settings.name}-relay",
            )
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await producer.start()
            except BaseException:
                self._producer = producer
                await self.close()
                raise
            self._producer = producer
        return self._producer


METADATA_MAX_AGE_MS = 30_000
"""Milliseconds after which the producer asks for a topic's partitions again."""


def _for_whole_topic(rows: Sequence[Document], error: Exception) -> list[Refusal]:
    """The first row of each shard stands for its topic, because each shard has a relay of its own."""
    first: dict[int, Document] = {}
    for row in rows:
        first.setdefault(row["shard"], row)
    return [Refusal(row, error, whole_topic=True) for row in first.values()]


def _attributes(lane: _Lane, id_: Any) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": lane.topic,
        "messaging.destination.partition.id": str(lane.partition),
        "messaging.message.id": str(id_),
    }
