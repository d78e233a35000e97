"""The broker's identity, and the topics on it.

A broker that is not durable (the embedded one) comes back empty after a crash. Its cluster id is new at every start, so the id is the
broker's *epoch*: after a change the relay publishes again, and consumers read from the beginning.

Each service creates its topics at the start, and again if one is deleted, with the partitions and the retention of its settings. More
partitions would move keys to other partitions, where an event may be read before an earlier one that still waits. So the service never
raises them: the log and `/ready` name a topic with fewer than set, and docs/topics.md has the procedure.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import aiokafka.client
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, InvalidTopicError, KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from shared.settings import ServiceSettings

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0
ANSWER_SECONDS = 5.0
RETENTION = "retention.ms"
EPOCH_HEADER = "brokerepoch"
"""Header with the epoch of a broker that is not durable, as the sending relay saw it."""
SET_FOR_TOPIC = 1
"""`config_source` of a topic's own setting (Kafka protocol, DescribeConfigs)."""
LONGEST_TOPIC = 249
_LEGAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")

# A client's metadata request makes the broker create the topic, with the broker's number of partitions; aiokafka has no
# setting against that (Kafka protocol, Metadata v4: `allow_auto_topic_creation`).
aiokafka.client.MetadataRequest = partial(MetadataRequest, allow_auto_topic_creation=False)


class BrokerWatch:
    """Watches one broker for a whole process. `epoch` is None while the broker does not answer."""

    def __init__(self, settings: ServiceSettings, topics: Iterable[str]) -> None:
        self._settings = settings
        self._topics = set(topics)
        self._known: dict[str, int] = {}
        """Topics on the broker, with their partitions, as of the last look."""
        self._admin: AIOKafkaAdminClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._checked: set[str] = set()
        """Topics whose partitions and retention were compared with the settings in this epoch."""
        self.epoch: str | None = None
        self.flaws: dict[str, str] = {}
        """Topics that differ from the settings, and how."""
        self.on_change: list[Callable[[], object]] = []

    def start(self) -> None:
        """Starts to watch."""
        self._task = asyncio.create_task(self._watch(), name="broker-watch")

    async def stop(self) -> None:
        """Stops the watch and closes its connection."""
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
        """Asks the broker for its epoch and topics, and creates missing topics of the service. Returns the epoch."""
        async with self._lock:
            epoch: str | None
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    admin = await self._connected()
                    metadata = (await admin._get_cluster_metadata()).to_object()  # noqa: SLF001 (describe_* would ask twice)
                    epoch = str(metadata["cluster_id"])
                    if epoch != self.epoch:
                        self._checked.clear()
                    self._known = {topic["topic"]: len(topic["partitions"]) for topic in metadata["topics"] if not topic["error_code"]}
                    await self._prepare(admin)
            except (KafkaError, OSError, TimeoutError, ValueError, KeyError):
                await self._disconnect()
                epoch = None
            changed = epoch != self.epoch
            self.epoch = epoch
        if changed:
            for call in self.on_change:
                call()
        return epoch

    async def ensure(self, topic: str) -> None:
        """Returns once a topic exists. Raises the broker's KafkaError if it cannot be created."""
        if topic in self._known:
            return
        async with self._lock:
            if topic not in self._known:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._create(await self._connected(), topic)
                self._topics.add(topic)

    async def _prepare(self, admin: AIOKafkaAdminClient) -> None:
        """Creates missing topics, and compares the others with the settings once an epoch."""
        self._checked &= self._known.keys()
        for topic in sorted(self._topics - self._known.keys()):
            try:
                await self._create(admin, topic)
            except KafkaError as error:
                if error.retriable:
                    raise
                self._note(topic, f"cannot be created: {type(error).__name__}")
        new = sorted((self._topics & self._known.keys()) - self._checked)
        for topic in new:
            self.flaws.pop(topic, None)
            if self._known[topic] < self._settings.partitions:
                self._note(
                    topic,
                    f"has {self._known[topic]} partitions, {self._settings.partitions} are set; docs/topics.md says how to raise them",
                )
        if new:
            await self._shorten_retention(admin, new)
        self._checked.update(new)

    async def _create(self, admin: AIOKafkaAdminClient, topic: str) -> None:
        if not 1 <= len(topic) <= LONGEST_TOPIC or set(topic) - _LEGAL or topic in (".", ".."):
            raise InvalidTopicError(topic)
        settings = self._settings
        wanted = NewTopic(topic, settings.partitions, settings.replication, topic_configs={RETENTION: str(self._retention_ms)})
        response = await admin.create_topics([wanted])
        for _, code, *message in response.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)(f"topic {topic} cannot be created: {message}")
            if not code:
                self._known[topic] = settings.partitions
                self._checked.add(topic)
                self.flaws.pop(topic, None)

    @property
    def _retention_ms(self) -> int:
        return int(self._settings.topic_retention_hours * 3_600_000)

    async def _shorten_retention(self, admin: AIOKafkaAdminClient, topics: list[str]) -> None:
        """Shortens a retention above the setting: consumers' inboxes forget events after that time."""
        for topic in topics:
            found = await _config(admin, topic)
            kept = next((value for name, value, _ in found if name == RETENTION), None)
            if kept is None or 0 < int(kept) <= self._retention_ms:
                continue
            own = {name: value for name, value, source in found if source == SET_FOR_TOPIC and value is not None}
            try:
                await _alter(admin, topic, {**own, RETENTION: str(self._retention_ms)})
            except KafkaError as error:
                reason = "this broker cannot change it" if isinstance(error, IncompatibleBrokerVersion) else type(error).__name__
                self._note(topic, f"keeps events for {kept} ms, {self._retention_ms} are set: {reason}")
            else:
                log.warning("topic %s kept events for %s ms; now it keeps them for %d", topic, kept, self._retention_ms)

    def _note(self, topic: str, flaw: str) -> None:
        if self.flaws.get(topic) != flaw:
            self.flaws[topic] = flaw
            log.error("topic %s %s", topic, flaw)

    async def _connected(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            self._admin = AIOKafkaAdminClient(
                bootstrap_servers=self._settings.kafka, request_timeout_ms=4000, **self._settings.kafka_access.client_options()
            )
            await self._admin.start()
        return self._admin

    async def _disconnect(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            try:
                async with asyncio.timeout(2):
                    await admin.close()
            except (KafkaError, OSError, TimeoutError):
                log.debug("closing the admin connection failed")


async def _config(admin: AIOKafkaAdminClient, topic: str) -> list[tuple[str, str | None, int]]:
    """Name, value and source of each setting of a topic; empty if the broker does not support the request."""
    try:
        responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    except IncompatibleBrokerVersion:
        return []
    found: list[tuple[str, str | None, int]] = []
    for response in responses:
        for resource in response.to_object()["resources"]:
            for entry in resource["config_entries"]:
                source: Any = entry.get("config_source", SET_FOR_TOPIC)
                found.append((entry["config_names"], entry["config_value"], int(source)))
    return found


async def _alter(admin: AIOKafkaAdminClient, topic: str, config: dict[str, str]) -> None:
    """Replaces a topic's settings by these. Raises KafkaError."""
    for response in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)]):
        for code, message, *_ in response.resources:
            if code:
                raise for_code(code)(message)
