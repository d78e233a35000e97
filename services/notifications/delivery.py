"""The courier: takes accepted messages from the line and hands them to providers, several at a time.

What is certain is written before it is forgotten: a message leaves the line in the transaction that records its end. A process
that dies between a provider's yes and that transaction leaves its claim; another courier finds it and hands the message over
again under the same Message-ID or dedupe key.
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
from shared.events import new_id
from shared.mongo import Conflict, DatabaseError, Unavailable

from .domain.delivery import Answer, Ended, TryAgain, after, simulated
from .domain.notifications import Notification, Status, ended
from .store import SLOTS, Handover, Store, slot_of
from .vault import Vault

T = TypeVar("T")
log = logging.getLogger(__name__)
BEAT_SECONDS = 1.0
DEAD_AFTER_SECONDS = 7.0
"""A courier whose heartbeats stand still for so long is dead; its messages are taken over."""
DOUBT_AFTER_SECONDS = 4.0
"""A courier that could not show a heartbeat for so long begins nothing new: others may soon think it dead."""
POLL_SECONDS = 1.0
UNREADABLE_PAUSE = timedelta(minutes=1)
"""Before a message is tried again whose key is not among the settings: an operator puts it back."""
WRITE_ATTEMPTS = 5


class Provider(Protocol):
    """A way out for one channel."""

    async def hand_over(self, notification: Notification) -> Answer:
        """Give one message to the provider."""
        ...


@dataclass(frozen=True)
class _Outcome:
    """What is still to be written about a handover that was made."""

    handover: Handover
    courier: str
    notification: Notification
    step: Ended | TryAgain


class Courier:
    """One replica's share of the deliveries. `step` is the work of a chassis Worker."""

    def __init__(
        self, store: Store, vault: Vault, providers: Mapping[Channel, Provider], *, at_once: int, random: Random | None = None
    ) -> None:
        self._store = store
        self._vault = vault
        self._providers = providers
        self._at_once = at_once
        self._random = random or Random()
        self._name = ""
        self._beat_at = self._polled_at = float("-inf")
        self._seen: dict[str, tuple[int, float]] = {}
        self._swept = 0
        self._hinted: set[int] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._in_hand: set[str] = set()
        self._unwritten: dict[str, _Outcome] = {}
        self.wake: Callable[[], None] = lambda: None

    def expect(self, notification: str) -> None:
        """A message was accepted in this process: look for it at once."""
        self._hinted.add(slot_of(notification))
        self.wake()

    async def step(self) -> int:
        """Begin what is due, as far as there is room. Gives how many were begun; waits for room where there is none."""
        await self._roll_call()
        for outcome in list(self._unwritten.values()):
            await self._write(outcome)
        room = self._at_once - len(self._under_way)
        if not room:
            await asyncio.wait(self._under_way, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            return 1
        if time.monotonic() - self._beat_at > DOUBT_AFTER_SECONDS:
            return 0
        return await self._begin(room)

    async def stop(self, grace: float = 5.0) -> None:
        """Let what is under way end, for `grace` seconds, and put the rest back in line."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._name:
            try:
                await self._store.handovers.free(self._name, at=now())
                await self._store.couriers.strike_off(self._name)
            except DatabaseError as error:
                log.info("the claims of this courier are left for others to find: %s", type(error).__name__)

    async def _begin(self, room: int) -> int:
        """Claim due messages: from the slots where some are known to be, from all slots once a second."""
        slots, self._hinted = self._hinted, set()
        if time.monotonic() - self._polled_at >= POLL_SECONDS:
            self._polled_at = time.monotonic()
            slots = set(range(SLOTS))
        begun = 0
        for slot in self._random.sample(sorted(slots), len(slots)):
            if begun >= room:
                self._hinted.add(slot)
                continue
            limit = room - begun
            due = await self._store.handovers.due(slot, at=now(), limit=limit)
            if len(due) == limit:
                self._hinted.add(slot)
            claimed = await asyncio.gather(*(self._store.handovers.claim(handover.notification, self._name) for handover in due))
            for handover, mine in zip(due, claimed, strict=True):
                if mine:
                    self._start(handover)
                    begun += 1
        return begun

    def _start(self, handover: Handover) -> None:
        task = asyncio.create_task(self._deliver(handover, self._name))
        self._under_way.add(task)
        self._in_hand.add(handover.notification)
        task.add_done_callback(self._under_way.discard)
        task.add_done_callback(lambda _: self._in_hand.discard(handover.notification))

    async def _deliver(self, handover: Handover, courier: str) -> None:
        with telemetry.continued(handover.traceparent, "deliver", kind=telemetry.CONSUMER) as span:
            try:
                kept = await _patiently(lambda: self._store.notifications.to_deliver(handover.notification))
                notification = self._vault.read(kept) if kept else None
                if notification is None or notification.status.is_final:
                    await _patiently(lambda: self._store.handovers.remove(handover.notification))
                    return
            except DatabaseError:
                await self._give_back(handover, courier)
                return
            except SealError:
                log.error("a message cannot be opened: its secret key is missing from the settings")  # noqa: TRY400
                await self._give_back(handover, courier, pause=UNREADABLE_PAUSE)
                return
            span.set_attribute("notifications.channel", notification.channel.value)
            span.set_attribute("notifications.attempt", handover.attempt + 1)
            answer = await self._handed_over(notification)
            step = after(answer, attempt=handover.attempt + 1, since=handover.since, at=now(), random=self._random)
            outcome = _Outcome(handover, courier, notification, step)
            try:
                await _patiently(lambda: self._write(outcome))
            except DatabaseError as error:
                self._unwritten[notification.id] = outcome
                log.warning("the outcome of a handover could not be written yet: %s", type(error).__name__)

    async def _handed_over(self, notification: Notification) -> Answer:
        if notification.simulated:
            return simulated(notification.envelope.recipient)
        try:
            return await self._providers[notification.channel].hand_over(notification)
        except Exception:  # one message that breaks the adapter must not stop the others
            log.exception("a provider's adapter failed")
            return Answer.NOT_NOW

    async def _write(self, outcome: _Outcome) -> None:
        """Write what became of a handover; safe to repeat."""
        if isinstance(outcome.step, Ended):
            await self._end(outcome.notification, outcome.step.status)
        else:
            await self._store.handovers.postpone(outcome.notification.id, courier=outcome.courier, due=outcome.step.due)
        self._unwritten.pop(outcome.notification.id, None)

    async def _end(self, notification: Notification, status: Status) -> None:
        done, events = ended(notification, status, now())
        async with self._store.transaction() as tx:
            if await tx.notifications.move(notification, done):
                await tx.publish(*events, borough=notification.borough)
            await tx.handovers.remove(notification.id)

    async def _give_back(self, handover: Handover, courier: str, *, pause: timedelta = timedelta(0)) -> None:
        try:
            await self._store.handovers.postpone(handover.notification, courier=courier, due=now() + pause)
        except DatabaseError as error:
            log.warning("a claim could not be given back; it is found again: %s", type(error).__name__)

    async def _roll_call(self) -> None:
        """Once a second: show a sign of life, look for couriers without one, and for claims whose courier is gone."""
        if time.monotonic() - self._beat_at < BEAT_SECONDS:
            return
        if not self._name or not await self._store.couriers.beat(self._name):
            self._name = new_id()
            await self._store.couriers.enlist(self._name)
        self._beat_at = time.monotonic()
        await self._return_lost_claims()
        self._swept = (self._swept + 1) % SLOTS
        claimants = await self._store.handovers.claimants(self._swept)
        known = await self._store.couriers.all()
        for name, beat, dead in known:
            if name != self._name and (dead or await self._is_dead(name, beat)):
                await self._take_over(name)
        for name in claimants - {name for name, _, _ in known}:
            await self._take_over(name)

    async def _return_lost_claims(self) -> None:
        """Put back in line what this courier holds and knows nothing of: the reply to its claim was lost, or it could not be given back."""
        for notification in await self._store.handovers.held(self._name) - self._in_hand - self._unwritten.keys():
            if await self._store.handovers.postpone(notification, courier=self._name, due=now()):
                log.info("a claim that was lost on the way is back in line")
                self.expect(notification)

    async def _is_dead(self, name: str, beat: int) -> bool:
        before, since = self._seen.get(name, (None, 0.0))
        if before != beat:
            self._seen[name] = (beat, time.monotonic())
            return False
        return time.monotonic() - since >= DEAD_AFTER_SECONDS and await self._store.couriers.declare_dead(name, beat)

    async def _take_over(self, name: str) -> None:
        freed = await self._store.handovers.free(name, at=now())
        await self._store.couriers.strike_off(name)
        self._seen.pop(name, None)
        self._hinted.update(range(SLOTS))
        log.info("took over %d messages of a courier that is gone", freed)


async def _patiently(run: Callable[[], Awaitable[T]]) -> T:
    """Run again what failed because of others or of a moment without the database."""
    for attempt in range(1, WRITE_ATTEMPTS):
        try:
            return await run()
        except (Conflict, Unavailable):
            await asyncio.sleep(0.02 * 2**attempt)
    return await run()
