"""The delivery worker claims delivery jobs and sends their messages through providers, several at a time.

One transaction records the end of a message and removes its job. A process that dies before it, even after the provider accepted the
message, leaves its claim. Another worker finds the claim, and sends the message again under the same Message-ID or dedupe key.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Protocol, TypeVar

from contracts.events.notifications import Channel
from shared import telemetry
from shared.clock import now
from shared.crypto import SealError
from shared.mongo import Conflict, DatabaseError, Unavailable
from shared.retry import retry

from .domain.delivery import Answer, Ended, TryAgain, next_step, simulated_answer
from .domain.notifications import Notification, Status, ended
from .store import SLOTS, DeliveryJob, Store, slot_of
from .store.delivery_jobs import claims
from .vault import Vault

T = TypeVar("T")
log = logging.getLogger(__name__)
POLL_SECONDS = 1.0
UNREADABLE_PAUSE = timedelta(minutes=1)
"""Pause of a message whose secret key is missing from the settings, until an operator restores the key."""
WRITE_ATTEMPTS = 5


class Provider(Protocol):
    """A provider for one channel."""

    async def send(self, notification: Notification) -> Answer:
        """Send one message through the provider."""
        ...


@dataclass(frozen=True)
class _Outcome:
    """The result of an attempt, not written yet."""

    holder: str
    notification: Notification
    step: Ended | TryAgain


class DeliveryWorker:
    """Delivers one replica's share of the messages. `step` is the step of a chassis Worker."""

    def __init__(
        self, store: Store, vault: Vault, providers: Mapping[Channel, Provider], *, at_once: int, random: Random | None = None
    ) -> None:
        self._store = store
        self._vault = vault
        self._providers = providers
        self._at_once = at_once
        self._random = random or Random()
        self._claims = claims(store, store.presence)
        self._polled_at = float("-inf")
        self._hinted: set[int] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._in_hand: set[str] = set()
        self._unwritten: dict[str, _Outcome] = {}
        self.wake: Callable[[], None] = lambda: None

    def note_accepted(self, notification: str) -> None:
        """Note that this process accepted a message, and wake the worker to look for its job."""
        self._hinted.add(slot_of(notification))
        self.wake()

    async def step(self) -> int:
        """Start due jobs up to the limit of attempts at once. Returns how many it started; waits for a free place if there is none."""
        for outcome in list(self._unwritten.values()):
            await self._write(outcome)
        room = self._at_once - len(self._under_way)
        if not room:
            await asyncio.wait(self._under_way, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            return 1
        if not self._store.presence.is_certain:
            return 0
        if await self._claims.sweep(self._in_hand | self._unwritten.keys()):
            self._hinted.update(range(SLOTS))
        return await self._begin(room)

    async def stop(self, grace: float = 5.0) -> None:
        """Wait up to `grace` seconds for running attempts, and release all other claims."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await self._claims.free_all()
        except DatabaseError as error:
            log.info("the claims of this process are left for others to find: %s", type(error).__name__)

    async def _begin(self, room: int) -> int:
        """Claim due jobs: in the slots that are known to have some, and once a second in all slots."""
        slots, self._hinted = self._hinted, set()
        if time.monotonic() - self._polled_at >= POLL_SECONDS:
            self._polled_at = time.monotonic()
            slots = set(range(SLOTS))
        begun, holder = 0, self._store.presence.name
        for slot in self._random.sample(sorted(slots), len(slots)):
            if begun >= room:
                self._hinted.add(slot)
                continue
            limit = room - begun
            due = await self._store.delivery_jobs.due(slot, at=now(), limit=limit)
            if len(due) == limit:
                self._hinted.add(slot)
            for job, mine in zip(due, await self._claimed(due, holder), strict=True):
                if mine:
                    self._start(job, holder)
                    begun += 1
        return begun

    async def _claimed(self, due: list[DeliveryJob], holder: str) -> list[bool]:
        try:
            return await asyncio.gather(*(self._store.delivery_jobs.claim(job.notification, holder) for job in due))
        except DatabaseError:
            self._claims.look_again()  # some claims may exist although their replies were lost
            raise

    def _start(self, job: DeliveryJob, holder: str) -> None:
        task = asyncio.create_task(self._deliver(job, holder))
        self._under_way.add(task)
        self._in_hand.add(job.notification)
        task.add_done_callback(self._under_way.discard)
        task.add_done_callback(lambda _: self._in_hand.discard(job.notification))

    async def _deliver(self, job: DeliveryJob, holder: str) -> None:
        with telemetry.continued(job.traceparent, "deliver", kind=telemetry.CONSUMER) as span:
            try:
                stored = await _retry(lambda: self._store.notifications.to_deliver(job.notification))
                notification = self._vault.read(stored) if stored else None
                if notification is None or notification.status.is_final:
                    await _retry(lambda: self._store.delivery_jobs.remove(job.notification))
                    return
            except DatabaseError:
                await self._give_back(job, holder)
                return
            except SealError:
                log.error("a message cannot be opened: its secret key is missing from the settings")  # noqa: TRY400
                await self._give_back(job, holder, pause=UNREADABLE_PAUSE)
                return
            span.set_attribute("notifications.channel", notification.channel.value)
            span.set_attribute("notifications.attempt", job.attempt + 1)
            answer = await self._send(notification)
            step = next_step(answer, attempt=job.attempt + 1, since=job.since, at=now(), random=self._random)
            outcome = _Outcome(holder, notification, step)
            try:
                await _retry(lambda: self._write(outcome))
            except DatabaseError as error:
                self._unwritten[notification.id] = outcome
                log.warning("the outcome of a delivery could not be written yet: %s", type(error).__name__)

    async def _send(self, notification: Notification) -> Answer:
        if notification.simulated:
            return simulated_answer(notification.envelope.recipient)
        try:
            return await self._providers[notification.channel].send(notification)
        except Exception:  # a message that breaks the adapter must not stop the others
            log.exception("a provider's adapter failed")
            return Answer.NOT_NOW

    async def _write(self, outcome: _Outcome) -> None:
        """Write the outcome of an attempt; safe to repeat."""
        if isinstance(outcome.step, Ended):
            await self._end(outcome.notification, outcome.step.status)
        else:
            await self._store.delivery_jobs.postpone(outcome.notification.id, holder=outcome.holder, due=outcome.step.due)
        self._unwritten.pop(outcome.notification.id, None)

    async def _end(self, notification: Notification, status: Status) -> None:
        done, events = ended(notification, status, now())
        async with self._store.transaction() as tx:
            if await tx.notifications.move(notification, done):
                await tx.publish(*events, borough=notification.borough)
            await tx.delivery_jobs.remove(notification.id)

    async def _give_back(self, job: DeliveryJob, holder: str, *, pause: timedelta = timedelta(0)) -> None:
        try:
            await self._store.delivery_jobs.postpone(job.notification, holder=holder, due=now() + pause)
        except DatabaseError as error:
            self._claims.look_again()
            log.warning("a claim could not be given back; a later sweep frees it: %s", type(error).__name__)


async def _retry(run: Callable[[], Awaitable[T]]) -> T:
    """Call again after a conflict, or a moment without the database."""
    return await retry(run, on=(Conflict, Unavailable), attempts=WRITE_ATTEMPTS, first=0.04)
