"""Writes odd records among the good ones of a round, and checks the outcome of each."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pymongo import MongoClient

from examples.move_home.events import MoveSubmitted
from shared.bus.delivery import Delivery
from shared.events import new_id
from tests.support.kafka import kafka_options
from tests.support.odd_records import Header, Odd, RawName, send

TOPICS = ("move_home.moves", "data_sharing.shares", "notifications.notifications")
"""The topics that the move_home process consumes."""
CONSUMER = "move_home"
MARK = b"odd-"
SHORTEST, LONGEST = 0.1, 1.0
SENDING_SECONDS = 5.0
PATIENCE_SECONDS = 90.0


def _event(*headers: Header, type_: str = MoveSubmitted.event_type) -> tuple[Header, ...]:
    given: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_id": new_id().encode(),
        "ce_type": type_.encode(),
        "ce_source": b"urn:test:odd",
    }
    return tuple((given | dict(headers)).items())


DEAD: dict[str, Callable[[], tuple[bytes | None, tuple[Header, ...]]]] = {
    "no headers": lambda: (b"{}", ()),
    "a payload of another kind": lambda: (b'{"n": 1}', _event()),
    "null value": lambda: (None, _event()),
    "a name that is not UTF-8": lambda: (b"{}", ((RawName(b"\xff\xfe"), b"1"),)),
    "a value that is not UTF-8": lambda: (b"{}", _event(("ce_source", b"\xff"))),
    "a null header": lambda: (b"{}", _event(("ce_type", None))),
    "an id of half a megabyte": lambda: (b"{}", _event(("ce_id", b"i" * 500_000))),
    "a request for a reply": lambda: (b"{}", _event(("reply_to", b"no such name!"), ("correlation_id", b"\xff"))),
}
IGNORED: dict[str, Callable[[], tuple[bytes | None, tuple[Header, ...]]]] = {
    "a type that nobody takes": lambda: (b"{}", _event(("note", None), type_="another.type.v1")),
}


class OddWriter:
    """Writes odd records, the same kinds in the same order for the same seed."""

    def __init__(self, ready: dict[str, Any], seed: int, run: str) -> None:
        self._kafka, self._mongodb = kafka_options(ready), ready["mongodb"]
        self._random = random.Random(f"{seed} {run}")
        self._run = run.encode()
        self.written: list[tuple[str, str, Odd]] = []
        """Kind, topic and record of everything written, even if the in-memory broker lost it."""

    async def write(self) -> None:
        """Write records one after the other until cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(SHORTEST, LONGEST))
            kind, topic = self._random.choice(sorted(DEAD | IGNORED)), self._random.choice(TOPICS)
            value, headers = (DEAD | IGNORED)[kind]()
            self.written.append((kind, topic, Odd(MARK + self._run + b"-%d" % len(self.written), value, headers)))
            await self._send(topic, [self.written[-1][2]])

    async def settle(self) -> None:
        """Write everything again, because the embedded broker loses records; then wait until each is a dead letter or ignored, by kind."""
        assert self.written
        for topic in TOPICS:
            odd = [record for _, of, record in self.written if of == topic]
            assert not odd or await self._send(topic, odd, seconds=60), f"the broker does not take odd records of {topic}"
        wanted = {_id(topic, record): kind for kind, topic, record in self.written if kind in DEAD}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while missing := wanted.keys() - await asyncio.to_thread(self._dead, wanted):
            assert time.monotonic() < deadline, f"no dead letters: {sorted({wanted[id_] for id_ in missing})}"
            await asyncio.sleep(0.2)
        assert await asyncio.to_thread(self._others) == []

    async def _send(self, topic: str, records: list[Odd], seconds: float = SENDING_SECONDS) -> bool:
        """Return whether the broker accepted them; only the services create topics."""
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                admin = AIOKafkaAdminClient(**self._kafka, request_timeout_ms=2000)
                await admin.start()
                try:
                    if topic not in await admin.list_topics():
                        return False
                finally:
                    await admin.close()
                await send(self._kafka, topic, *([record] for record in records))
                return True
        return False

    def _dead(self, ids: dict[str, str]) -> set[str]:
        with MongoClient[dict[str, Any]](self._mongodb) as client:
            rows = client[CONSUMER]["parked"].find({"_id": {"$in": list(ids)}, "state": "dead"}, {"_id": 1})
            return {row["_id"] for row in rows}

    def _others(self) -> list[tuple[str, str]]:
        """Return dead letters that this writer did not cause."""
        with MongoClient[dict[str, Any]](self._mongodb) as client:
            rows = client[CONSUMER]["parked"].find({"state": "dead"}, {"key": 1, "error": 1, "event_type": 1})
            return [(row["event_type"], row["error"]) for row in rows if not row["key"].startswith(MARK.decode())]


def _id(topic: str, record: Odd) -> str:
    headers = [(name.raw.decode(errors="backslashreplace") if isinstance(name, RawName) else name, value) for name, value in record.headers]
    return f"{CONSUMER}:{Delivery.read(topic, record.key, record.value or b'', headers).identity}"
