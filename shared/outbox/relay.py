"""The relay: sends outbox rows to Kafka in order, and deletes them after the broker has acknowledged them.

A row leaves the outbox only after its acknowledgement, so a kill at any moment repeats events and loses none; consumers' inboxes absorb
repeats. The relay deletes rows in bulk, a moment later, because single deletes cost the database more than the commits; until then this
replica remembers which rows are acknowledged. If the broker is not durable, the relay keeps published rows until they expire, and publishes
them again when the broker's epoch changes. It sets aside what the broker refuses for good (`shared.outbox.unsent`).
"""

import asyncio
import logging
import time
from collections import defaultdict
from datetime import timedelta
from typing import Any

from shared import clock
from shared.kafka.broker import BrokerWatch
from shared.mongo import Database, DatabaseError, Document, Duplicate
from shared.outbox.backlog import Backlog
from shared.outbox.membership import Membership
from shared.outbox.sender import Outcome, Sender
from shared.outbox.unsent import Unsent
from shared.presence import HEARTBEAT_SECONDS
from shared.worker import Worker

log = logging.getLogger(__name__)
BATCH = 500
"""Rows that are sent together; the next ones are sent while these are deleted."""
FULL_LOOK_SECONDS = 1.0
TAKE_OUT_SECONDS = 0.25
STOP_SECONDS = 2.0
"""Seconds that each part of a stopping relay may take: a hanging broker must not prevent the release of its shards."""
STUCK_AFTER_SECONDS = 90.0
"""Longer than any timeout of database and broker: a relay without progress for this time will not recover by itself."""


class Relay:
    """Publishes one service's outbox. Each working replica runs one; they share the shards."""

    def __init__(self, database: Database[Any], watch: BrokerWatch) -> None:
        self._settings = database.settings
        self._database = database
        self._outbox = database.collection("outbox")
        self._sent = database.collection("outbox_sent")
        self._watch = watch
        self._membership = Membership(database, database.presence)
        self._backlog = Backlog(database)
        self._sender = Sender(self._settings, watch)
        self.unsent = Unsent(database, self._sender)
        """Events that the broker refuses."""
        self._cycle = asyncio.Lock()
        self._dirty: set[int] = set()
        self._held: set[int] = set()
        self._looked = self._moved_at = float("-inf")
        self._acknowledged: dict[int, dict[str, Document]] = defaultdict(dict)
        """Acknowledged rows that are still in the outbox, by shard and id: not to be sent again."""
        self._removal = asyncio.Lock()
        self.worker = Worker("outbox-relay", self._step, interval=FULL_LOOK_SECONDS, idle_interval=2 * FULL_LOOK_SECONDS)
        self._remover = Worker("outbox-removal", self._tidy, interval=TAKE_OUT_SECONDS)
        self._dividing = Worker("outbox-membership", self._divide, interval=HEARTBEAT_SECONDS)
        self._stream: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts to publish."""
        self._database.on_commit.append(self.wake)
        self._watch.on_change.append(self.worker.wake)
        self._dividing.start()
        self._remover.start()
        self.worker.start()

    async def stop(self) -> None:
        """Finishes the current batch, releases the shards and disconnects."""
        await self.worker.stop(STOP_SECONDS)
        await self._dividing.stop(STOP_SECONDS)
        if self._stream is not None:
            self._stream.cancel()
            await asyncio.wait({self._stream})
        await self._remover.stop(STOP_SECONDS)
        try:
            await self._take_out()
            await self._membership.leave()
        except DatabaseError:
            log.info("the relay could not release its shards; other replicas take them over in a few seconds")
        await self._sender.close()

    @property
    def is_stuck(self) -> bool:
        """Whether a step has sent nothing for `STUCK_AFTER_SECONDS`, so that the process should be replaced."""
        now = time.monotonic()
        busy = [worker.busy_since for worker in (self.worker, self._dividing, self._remover) if worker.busy_since is not None]
        return any(now - max(since, self._moved_at) > STUCK_AFTER_SECONDS for since in busy)

    def wake(self, shards: set[int]) -> None:
        """Notes that rows of these shards were committed."""
        self._dirty |= shards
        self.worker.wake()

    async def _divide(self) -> int:
        before = self._membership.mine
        to_hand_over = await self._membership.divide()
        if gained := self._membership.mine - before:
            self.wake(gained)
        if to_hand_over:
            async with self._cycle:
                await self._take_out()
                await self._membership.release(to_hand_over)
        needs_stream = self._membership.members > 1 or self._settings.role != "all"
        if needs_stream and (self._stream is None or self._stream.done()):
            self._stream = asyncio.create_task(self._follow_commits(), name="outbox-stream")
        return 0

    async def _follow_commits(self) -> None:
        """Wakes the relay for rows that other processes commit. Ignores errors, because polling finds the rows too."""
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
            log.debug("the change stream ended; it is opened again within a second", exc_info=True)

    async def _step(self) -> int:
        async with self._cycle:
            epoch, mine = self._watch.epoch, self._membership.mine
            if epoch is None or not mine:
                return 0
            if not self._settings.broker_durable:
                behind = {shard for shard in mine if self._membership.epochs.get(shard) != epoch}
                if behind:
                    await self._republish(behind, epoch)
            shards, everywhere = self._to_look_at(mine)
            if everywhere or self.unsent.is_stale:
                await self.unsent.look(mine)
                if self.unsent.heads:
                    await self.unsent.retry(mine, epoch)
            rows = await self._read(shards) if shards else []
            waiting = [row for row in rows if self.unsent.head_of(row) is not None]
            await self.unsent.add(waiting)
            flowing = [row for row in rows if self.unsent.head_of(row) is None] if waiting else rows
            for at in range(0, len(flowing), BATCH):
                if not await self._send(flowing[at : at + BATCH], epoch, shards):
                    break
                if len(flowing) > BATCH:
                    self._remover.wake()
            if len(flowing) >= BATCH:  # deleted rows need not be read again
                await self._take_out()
            return len(rows)

    def _to_look_at(self, mine: set[int]) -> tuple[set[int], bool]:
        """The shards with commits of this process, and new ones; once a second all, because other processes commit too."""
        gained, self._held = mine - self._held, mine
        self._backlog.gained(gained)
        self._dirty |= gained
        everywhere = bool(gained) or time.monotonic() - self._looked >= FULL_LOOK_SECONDS
        shards, self._dirty = (mine if everywhere else self._dirty & mine), set()
        if everywhere:
            self._looked = time.monotonic()
        return shards, everywhere

    async def _read(self, shards: set[int]) -> list[Document]:
        """The rows to send next, in order for each key. Marks shards that may have more for the next step."""
        # taken before the read, because rows may be deleted meanwhile
        sent = {id_ for shard in shards for id_ in self._acknowledged[shard]}
        page = await self._backlog.read(shards, self._acknowledged)
        self._dirty |= page.crowded
        return [row for row in page.rows if row["_id"] not in sent]

    async def _send(self, rows: list[Document], epoch: str, shards: set[int]) -> bool:
        """Sends rows, except those behind a row that was refused since the read. Rows that were not sent are read again.

        Returns whether the next rows may be sent. If some rows were accepted and others failed, the next step follows without a pause. If
        none was accepted, raises the failure.
        """
        outcome = await self._sender.send([row for row in rows if self.unsent.head_of(row) is None], epoch)
        self._moved_at = time.monotonic()
        for row in outcome.accepted:
            self._acknowledged[row["shard"]][row["_id"]] = row
        if outcome.refused:
            self._dirty |= shards
            await self.unsent.set_aside(outcome.refused)
        if outcome.failure is None:
            return True
        if not outcome.accepted:
            await self._give_up(outcome.failure, shards)
        log.warning("some events could not be sent and will be tried again", exc_info=outcome.failure)
        self._dirty |= shards
        await self._sender.close()
        await self._watch.refresh()
        return False

    async def _give_up(self, failure: Exception, shards: set[int]) -> None:
        """Disconnects and raises the failure: the worker waits before its next step."""
        self._dirty |= shards
        await self._sender.close()
        await self._watch.refresh()
        raise failure

    async def _tidy(self) -> int:
        await self._take_out()
        return 0

    async def _take_out(self) -> None:
        """Deletes the acknowledged rows from the outbox. After a failure they stay acknowledged, and are not sent again."""
        async with self._removal:
            rows = [row for shard in self._acknowledged.values() for row in shard.values()]
            if not rows:
                return
            if not self._settings.broker_durable:
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
        """Publishes every unexpired row again, in order, to an empty broker. Rows of a release without `order` come first."""
        await self._take_out()
        count = 0
        for shard in sorted(shards):
            batch: list[Document] = []
            async for row in self._sent.iterate({"shard": shard}, sort=[("order", 1), ("_id", 1)], batch=BATCH):
                batch.append(row)
                if len(batch) == BATCH:
                    count, batch = count + await self._repeat(batch, epoch), []
            if batch:
                count += await self._repeat(batch, epoch)
        await self._membership.published(shards, epoch)
        if count:
            log.info("the broker came back empty: %d events were published again", count)

    async def _repeat(self, rows: list[Document], epoch: str) -> int:
        """Sends rows that an earlier life of the broker accepted. Drops a row that this life refuses: it was published once."""
        while rows:
            outcome: Outcome = await self._sender.send(rows, epoch)
            self._moved_at = time.monotonic()
            if outcome.failure is not None:
                await self._give_up(outcome.failure, set())
            if not outcome.refused:
                break
            closed = {refusal.row["topic"] for refusal in outcome.refused if refusal.whole_topic}
            log.error("the broker refuses %d events or topics that its earlier life took", len(outcome.refused))
            done = {row["_id"] for row in outcome.accepted} | {refusal.row["_id"] for refusal in outcome.refused}
            rows = [row for row in rows if row["_id"] not in done and row["topic"] not in closed]
        return len(rows)
