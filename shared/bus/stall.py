"""Detects a consumer that has stopped reading while records wait.

After a broker was killed, aiokafka's group coordination may end for good (aio-libs/aiokafka issues 625 and 847), and FastStream's loop
waits with it: nothing fails, and nothing is read. The watch asks the broker for the ends of the partitions, because a consumer that no
longer fetches does not know them.
"""

import asyncio
import logging
import time

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)
LOOK_EVERY_SECONDS = 30.0
ANSWER_SECONDS = 10.0


class StallWatch:
    """Watches one consumer. It has stalled if it was behind at two consecutive looks and received no batch between them."""

    def __init__(self) -> None:
        self._looked_at = time.monotonic()
        self._is_behind = self._had_partitions = False

    def moved(self) -> None:
        """Notes that a batch arrived or was handled."""
        self._looked_at = time.monotonic()
        self._is_behind = False

    async def is_stalled(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether the consumer has stalled. Asks the broker at most every `LOOK_EVERY_SECONDS`."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_SECONDS:
            return False
        self._looked_at = looked_at = time.monotonic()
        behind = await self._looks_behind(consumer)
        if self._looked_at != looked_at:  # it moved meanwhile
            return False
        was_behind, self._is_behind = self._is_behind, behind
        return behind and was_behind

    async def _looks_behind(self, consumer: AIOKafkaConsumer) -> bool:
        partitions = consumer.assignment()
        if not partitions:  # other replicas may have all of them; joining again once costs little
            return self._had_partitions
        self._had_partitions = True
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ends = await consumer.end_offsets(partitions)
                return any([end > await consumer.position(partition) for partition, end in ends.items()])
        except (KafkaError, TimeoutError):
            log.debug("the ends of the partitions are unknown", exc_info=True)
            return True
