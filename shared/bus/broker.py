"""The broker's identity, and the topics on it.

A broker that keeps nothing (the embedded one) comes back empty after a crash. Its cluster id is new at every start, so the id is the
broker's *epoch*: a changed epoch tells the relay to publish again and consumers to read from the beginning.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from shared.settings import ServiceSettings

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0
TOPIC_EXISTS = 36


class BrokerWatch:
    """Watches one broker for a whole process. `epoch` is None while the broker does not answer."""

    def __init__(self, settings: ServiceSettings, topics: Iterable[str]) -> None:
        self._settings = settings
        self._topics = sorted(set(topics))
        self._admin: AIOKafkaAdminClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._prepared: str | None = None
        self.epoch: str | None = None
        self.on_change: list[Callable[[], object]] = []

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch(), name="broker-watch")

    async def stop(self) -> None:
        """End the watch and its connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._disconnect()

    async def _watch(self) -> None:
        down = False
        while True:
            epoch = await self.refresh()
            if epoch is None and not down:
                doubt = ", or refuses the username and password in the settings KAFKA_*" if self._settings.kafka_access.uses_sasl else ""
                log.warning("the broker at %s does not answer%s; accepted work waits in the outbox", self._settings.kafka, doubt)
            elif epoch is not None and down:
                log.warning("the broker at %s answers again", self._settings.kafka)
            down = epoch is None
            await asyncio.sleep(POLL_SECONDS)

    async def refresh(self) -> str | None:
        """Ask the broker who it is now; creates our topics on one that was not seen before."""
        async with self._lock:
            epoch: str | None
            try:
                async with asyncio.timeout(5):
                    if self._admin is None:
                        self._admin = AIOKafkaAdminClient(
                            bootstrap_servers=self._settings.kafka, request_timeout_ms=4000, **self._settings.kafka_access.client_options()
                        )
                        await self._admin.start()
                    epoch = str((await self._admin.describe_cluster())["cluster_id"])
                    if epoch != self._prepared:
                        await self._create_topics(self._admin)
                        self._prepared = epoch
            except (KafkaError, OSError, TimeoutError, ValueError, KeyError):
                await self._disconnect()
                epoch = None
            changed = epoch != self.epoch
            self.epoch = epoch
        if changed:
            for call in self.on_change:
                call()
        return epoch

    async def _create_topics(self, admin: AIOKafkaAdminClient) -> None:
        wanted = [
            NewTopic(topic, num_partitions=self._settings.partitions, replication_factor=self._settings.replication)
            for topic in self._topics
        ]
        if not wanted:
            return
        response = await admin.create_topics(wanted)
        for topic, code, *message in response.topic_errors:
            if code not in (0, TOPIC_EXISTS):
                raise KafkaError(f"topic {topic} cannot be created: {message}")

    async def _disconnect(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            try:
                async with asyncio.timeout(2):
                    await admin.close()
            except (KafkaError, OSError, TimeoutError):
                log.debug("closing the admin connection failed")
