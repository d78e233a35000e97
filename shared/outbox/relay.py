"""The relay: takes outbox rows in order, sends them to Kafka, removes them when the broker has them.

A row leaves the outbox only after the broker acknowledged it, so a kill at any moment repeats and never loses; consumers' inboxes make
repeats harmless. Rows leave in bulk, a moment later, because to take them out one by one costs the database more than to commit them; until
then this replica remembers that they were sent. Where the broker does not keep its messages, published rows are kept until they
expire, and published again when the broker's epoch changes.
"""

import asyncio
import logging
import time
from collections import defaultdict
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from opentelemetry.trace import Span

from shared import clock, telemetry
from shared.bus.broker import BrokerWatch
from shared.events import header
from shared.mongo import Database, DatabaseError, Document, Duplicate
from shared.outbox.membership import BEAT_SECONDS, Membership
from shared.worker import Worker

log = logging.getLogger(__name__)
BATCH = 500
"""Rows that are sent together; the next are sent while these are taken out."""
PAGE = 2000
"""Rows that are read together."""
FULL_LOOK_SECONDS = 1.0
TAKE_OUT_SECONDS = 0.25
SEND_TIMEOUT_MS = 10_000
EPOCH_HEADER = "brokerepoch"


class Relay:
    """Publishes one service's outbox. Start one in each replica that works; they share the shards."""

    def __init__(self, database: Database[Any], watch: BrokerWatch) -> None:
        self._settings = database.settings
        self._database = database
        self._outbox = database.collection("outbox")
        self._sent = database.collection("outbox_sent")
        self._watch = watch
        self._membership = Membership(database, self._settings.instance)
        self._producer: AIOKafkaProducer | None = None
        self._cycle = asyncio.Lock()
        self._dirty: set[int] = set()
        self._held: set[int] = set()
        self._crowded: set[int] = set()
        """Shards that may have more rows than fit on a page. They are read one by one, because a server may read all before it cuts."""
        self._looked = float("-inf")
        self._acknowledged: dict[int, dict[str, Document]] = defaultdict(dict)
        """Rows that the broker has and the outbox still has, by shard and id: not to be sent again."""
        self._removal = asyncio.Lock()
        self.worker = Worker("outbox-relay", self._step, interval=FULL_LOOK_SECONDS)
        self._remover = Worker("outbox-removal", self._tidy, interval=TAKE_OUT_SECONDS)
        self._beats = Worker("outbox-membership", self._beat, interval=BEAT_SECONDS)
        self._stream: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to relay."""
        self._database.on_commit.append(self.wake)
        self._watch.on_change.append(self.worker.wake)
        self._beats.start()
        self._remover.start()
        self.worker.start()

    async def stop(self) -> None:
        """Send what is under way, hand the shards over, disconnect."""
        await self.worker.stop()
        await self._beats.stop()
        if self._stream is not None:
            self._stream.cancel()
            await asyncio.wait({self._stream})
        await self._remover.stop()
        try:
            await self._take_out()
            await self._membership.leave()
        except DatabaseError:
            log.info("the relay could not hand over its shards; others take them over in a few seconds")
        await self._disconnect()

    def wake(self, shards: set[int]) -> None:
        """Rows of these shards were committed."""
        self._dirty |= shards
        self.worker.wake()

    async def backlog(self) -> tuple[int, float]:
        """Rows not yet published, and the age of the oldest in seconds."""
        count = await self._outbox.count({})
        oldest = await self._outbox.find({}, sort=[("_id", 1)], limit=1, projection={"at": 1}) if count else []
        return count, (clock.now() - oldest[0]["at"]).total_seconds() if oldest else 0.0

    async def _beat(self) -> int:
        to_hand_over = await self._membership.beat()
        if to_hand_over:
            async with self._cycle:
                await self._take_out()
                await self._membership.release(to_hand_over)
        needs_stream = self._membership.members > 1 or self._settings.role != "all"
        if needs_stream and (self._stream is None or self._stream.done()):
            self._stream = asyncio.create_task(self._follow_commits(), name="outbox-stream")
        return 0

    async def _follow_commits(self) -> None:
        """Wake for rows that other processes commit. Any trouble is ignored: looking every second is the truth."""
        pipeline: list[dict[str, Any]] = [{"$match": {"operationType": "insert"}}, {"$project": {"fullDocument.shard": 1}}]
        try:
            opened = self._database.watch("outbox", pipeline)
            stream = await opened if asyncio.iscoroutine(opened) else opened
            async with stream:
                async for change in stream:
                    self.wake({change["fullDocument"]["shard"]})
        except asyncio.CancelledError:
            raise
        except Exception:
            log.debug("the change stream ended; it is opened again at the next beat", exc_info=True)

    async def _step(self) -> int:
        async with self._cycle:
            epoch, mine = self._watch.epoch, self._membership.mine
            if epoch is None or not mine:
                return 0
            if not self._settings.broker_keeps:
                behind = {shard for shard in mine if self._membership.epochs.get(shard) != epoch}
                if behind:
                    await self._republish(behind, epoch)
            shards = self._to_look_at(mine)
            rows = await self._read(shards) if shards else []
            for at in range(0, len(rows), BATCH):
                try:
                    await self._send(rows[at : at + BATCH], epoch)
                except (KafkaError, OSError):
                    self._dirty |= shards
                    await self._disconnect()
                    await self._watch.refresh()
                    raise
                for row in rows[at : at + BATCH]:
                    self._acknowledged[row["shard"]][row["_id"]] = row
                if len(rows) > BATCH:
                    self._remover.wake()
            if len(rows) >= BATCH:  # what is taken out need not be read again
                await self._take_out()
            return len(rows)

    def _to_look_at(self, mine: set[int]) -> set[int]:
        """The shards in which something was committed here, and new ones; once a second all, because others commit too."""
        gained, self._held = mine - self._held, mine
        self._crowded |= gained
        self._dirty |= gained
        everywhere = time.monotonic() - self._looked >= FULL_LOOK_SECONDS
        shards, self._dirty = (mine if everywhere else self._dirty & mine), set()
        if everywhere:
            self._looked = time.monotonic()
        return shards

    async def _read(self, shards: set[int]) -> list[Document]:
        """What is to be sent next, in order for each shard. A shard of which there may be more becomes dirty again."""
        quiet, crowded = shards - self._crowded, shards & self._crowded
        share = max(100, PAGE // max(1, len(crowded)))
        looks: list[tuple[Document, int, set[int]]] = [({"shard": shard}, share, {shard}) for shard in sorted(crowded)]
        if quiet:
            looks.append(({"shard": next(iter(quiet)) if len(quiet) == 1 else {"$in": sorted(quiet)}}, PAGE, quiet))
        sent = {id_ for shard in shards for id_ in self._acknowledged[shard]}  # now: what is read may be taken out before it arrives
        limits = [limit + sum(len(self._acknowledged[shard]) for shard in within) for _, limit, within in looks]
        pages = await asyncio.gather(
            *(
                self._outbox.find(where, sort=[("shard", 1), ("_id", 1)], limit=limit)
                for (where, _, _), limit in zip(looks, limits, strict=True)
            )
        )
        for (_, _, within), limit, page in zip(looks, limits, pages, strict=True):
            if len(page) >= limit:
                self._dirty |= within
                self._crowded |= within
            else:
                self._crowded -= within
        return [row for page in pages for row in page if row["_id"] not in sent]

    async def _send(self, rows: list[Document], epoch: str) -> None:
        producer = await self._connected()
        spans: list[Span] = []
        futures = []
        for row in rows:
            headers = [(name, bytes(value)) for name, value in row["headers"]]
            parent = header(headers, "traceparent")
            if telemetry.is_sampled(parent):
                span = telemetry.start(
                    f"send {row['topic']}",
                    kind=telemetry.PRODUCER,
                    parent=parent,
                    attributes=_SEND | {"messaging.destination.name": row["topic"]},
                )
                spans.append(span)
                headers = [(n, (telemetry.carried(span) or "").encode() if n == "traceparent" else v) for n, v in headers]
            if not self._settings.broker_keeps:
                headers.append((EPOCH_HEADER, epoch.encode()))
            futures.append(await producer.send(row["topic"], bytes(row["value"]), key=row["key"].encode(), headers=headers))
        results = await asyncio.gather(*futures, return_exceptions=True)
        for span in spans:
            span.end()
        failed = next((result for result in results if isinstance(result, BaseException)), None)
        if failed is not None:
            raise failed

    async def _tidy(self) -> int:
        await self._take_out()
        return 0

    async def _take_out(self) -> None:
        """Take the acknowledged rows out of the outbox. They stay acknowledged where that fails, and are not sent again."""
        async with self._removal:
            rows = [row for shard in self._acknowledged.values() for row in shard.values()]
            if not rows:
                return
            if not self._settings.broker_keeps:
                expires = clock.now() + timedelta(hours=self._settings.outbox_retention_hours)
                for row in rows:
                    row["expires_at"] = expires
                try:
                    await self._sent.insert_many(rows, ordered=False)
                except Duplicate:
                    log.debug("some of these rows were kept before a crash")
            await self._outbox.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
            for row in rows:
                del self._acknowledged[row["shard"]][row["_id"]]

    async def _republish(self, shards: set[int], epoch: str) -> None:
        """Give an empty broker every unexpired row again, in order."""
        await self._take_out()
        count = 0
        try:
            for shard in sorted(shards):
                batch: list[Document] = []
                async for row in self._sent.iterate({"shard": shard}, sort=[("_id", 1)], batch=BATCH):
                    batch.append(row)
                    if len(batch) == BATCH:
                        await self._send(batch, epoch)
                        count, batch = count + len(batch), []
                if batch:
                    await self._send(batch, epoch)
                    count += len(batch)
        except (KafkaError, OSError):
            await self._disconnect()
            await self._watch.refresh()
            raise
        await self._membership.published(shards, epoch)
        if count:
            log.info("the broker came back empty: %d events were published again", count)

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._settings.kafka,
                acks="all",
                enable_idempotence=self._settings.broker_keeps,
                request_timeout_ms=SEND_TIMEOUT_MS,
                max_batch_size=262_144,
                client_id=f"{self._settings.name}-relay",
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(3):
                    await producer.stop()
            except (KafkaError, OSError, TimeoutError):
                log.debug("closing the producer failed")


_SEND: dict[str, str | int] = {"messaging.system": "kafka", "messaging.operation.type": "send", "messaging.operation.name": "send"}
