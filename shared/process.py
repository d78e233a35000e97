"""Process managers (sagas): a state stored in MongoDB, moved by events, by the outcomes of its commands, and by time.

Each step is a pure function from a state and an event to the next state, commands and events, which one transaction writes. A worker runs
commands over other services' APIs with the command's id as `Idempotency-Key`, so a repeat after a crash changes nothing. A service that is
down delays a process and never loses it. An instance or command that is unreadable, or whose function raises or hangs, delays no other.
`shared.commands` says how long a command is retried, and what follows.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar, cast, get_args, get_type_hints

from pydantic import BaseModel

from contracts.events.base import Event, Order
from shared import clock, commands, context, retry, telemetry
from shared.bus import Envelope, EventRouter
from shared.commands import Commands
from shared.mongo import Conflict, Database, DatabaseError, Document, Transaction
from shared.presence import Claims
from shared.worker import Worker

log = logging.getLogger(__name__)
S = TypeVar("S", bound=BaseModel)
E = TypeVar("E", bound=Event)
C = TypeVar("C", bound=BaseModel)
T = TypeVar("T")
COMMANDS_AT_ONCE = 32
INSTANCES_A_STEP = 32
CONFLICT_ATTEMPTS, FIRST_WAIT_SECONDS = 8, 0.01
ATTEMPTS_UNREMARKED = 4
"""Attempt from which the span of a failed command is an error; earlier failures are expected to pass."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 3600.0
"""Seconds between two attempts at the overdue step of an instance whose step fails."""


class Next(Generic[S]):
    """The result of a step: the new state, the events to publish, and the commands to run (`follows` has both).

    `ended` says that the instance expects nothing more, so it cannot become overdue.
    """

    def __init__(self, state: S, *follows: BaseModel, ended: bool = False) -> None:
        self.state = state
        self.commands = [item for item in follows if not isinstance(item, Event)]
        self.events = [item for item in follows if isinstance(item, Event)]
        self.ended = ended


@dataclass(frozen=True)
class CommandContext:
    """What an executor knows of its command."""

    command_id: str
    """Send it as `Idempotency-Key`: it is the same in each attempt."""
    process: str
    """The id of the process's instance."""
    attempt: int
    """1 for the first attempt."""
    _tools: tuple[object, ...]

    def tool(self, type_: type[T]) -> T:
        """The adapter of this type among those given to `workers`."""
        return next(tool for tool in self._tools if isinstance(tool, type_))


Step = Callable[[S, Any], Next[S]]
Finder = Callable[[Any], str | None]
Executor = Callable[[Any, CommandContext], Awaitable[Event | None]]


class Process(Generic[S]):
    """One kind of process, as a table of steps. Give `router` to the service's `events`, and `workers(...)` to its workers."""

    def __init__(self, name: str, state: type[S]) -> None:
        self.name = name
        self.router = EventRouter(name)
        self._state = state
        self._steps: dict[str, Step[S]] = {}
        self._overdue: tuple[timedelta, Callable[[S], Next[S]]] | None = None
        self._executors: dict[str, tuple[type[BaseModel], Executor]] = {}
        self._commands: list[CommandWorker] = []

    # -- the table ---------------------------------------------------------------------------------------------------------------------

    def starts(self, event: type[E]) -> Callable[[Callable[[E], Next[S]]], Callable[[E], Next[S]]]:
        """Subscribes to an event that begins an instance, whose id is the event's key. A second beginning changes nothing."""

        def register(function: Callable[[E], Next[S]]) -> Callable[[E], Next[S]]:
            @self.router.subscriber(event)
            async def begin(happened: E, _about: Envelope, tx: Transaction) -> None:
                if await tx.collection("processes").find_one({"_id": self._id(happened.key)}, projection={"_id": 1}) is None:
                    await self._store(tx, happened.key, function(happened), version=0)

            return function

        return register

    def on(self, event: type[E], *, finds: Callable[[E], str | None]) -> Callable[[Callable[[S, E], Next[S]]], Callable[[S, E], Next[S]]]:
        """Subscribes to an event that moves the instance whose id `finds` returns. None or an unknown id: the event is ignored."""

        def register(function: Callable[[S, E], Next[S]]) -> Callable[[S, E], Next[S]]:
            self._steps[event.event_type] = cast("Step[S]", function)

            @self.router.subscriber(event)
            async def move(happened: E, _about: Envelope, tx: Transaction) -> None:
                instance = finds(happened)
                if instance is not None:
                    await self._move(tx, instance, happened)

            return function

        return register

    def overdue(self, *, hours: float) -> Callable[[Callable[[S], Next[S]]], Callable[[S], Next[S]]]:
        """Registers the step for an instance that has not ended after this time; it runs once."""

        def register(function: Callable[[S], Next[S]]) -> Callable[[S], Next[S]]:
            self._overdue = (timedelta(hours=hours), function)
            return function

        return register

    def does(self, command: type[C]) -> Callable[[Callable[[C, CommandContext], Awaitable[Event | None]]], Executor]:
        """Registers a command's executor. The event that it returns moves the instance in the transaction that deletes the command.

        An exception means a retry.
        """

        def register(function: Callable[[C, CommandContext], Awaitable[Event | None]]) -> Executor:
            self._executors[command.__name__] = (command, function)
            self.router.local |= _outcomes(function)
            return function

        return register

    # -- running -----------------------------------------------------------------------------------------------------------------------

    def workers(self, database: Database[Any], *tools: object) -> list[Worker]:
        """The workers that run commands with these adapters, and find overdue instances."""
        stored = Commands(database)

        async def one(row: Document) -> None:
            await self._one(database, stored, row, tools)

        claims = Claims(database.presence, database.collection("commands"), only={"process": self.name})
        carrying = CommandWorker(f"{self.name}-commands", lambda free: stored.due(self.name, list(self._executors), free), one, claims)
        self._commands.append(carrying)
        return [carrying, Worker(f"{self.name}-overdue", lambda: self._chase(database), interval=5.0)]

    async def state(self, database: Database[Any], instance: str) -> S | None:
        """The state of an instance; None before it has begun."""
        row = await database.collection("processes").find_one({"_id": self._id(instance)})
        return self._state.model_validate(row["state"]) if row else None

    async def _move(self, tx: Transaction, instance: str, happened: Event) -> None:
        row = await tx.collection("processes").find_one({"_id": self._id(instance)})
        if row is None:
            return
        before = self._state.model_validate(row["state"])
        following = self._steps[happened.event_type](before, happened)
        if following.state == before and not following.commands and not following.events:
            return
        await self._store(tx, instance, following, version=row["version"], due=row["due"])

    async def _store(self, tx: Transaction, instance: str, following: Next[S], *, version: int, due: Any = None) -> None:
        now = clock.now()
        if version == 0 and self._overdue is not None:
            due = now + self._overdue[0]
        row: Document = {
            "_id": self._id(instance),
            "process": self.name,
            "instance": instance,
            "state": following.state.model_dump(mode="json"),
            "version": version + 1,
            "due": None if following.ended else due,
            "ended": following.ended,
            "changed_at": now,
        }
        rows = tx.collection("processes")
        if version == 0:
            await rows.insert_one(row)
        elif not await rows.replace_one({"_id": row["_id"], "version": version}, row):
            raise Conflict("another event moved this process first")
        cause = context.cause.get()
        carried = {"traceparent": telemetry.traceparent(), "borough": cause.borough, "correlation_id": cause.correlation_id}
        await tx.collection("commands").insert_many(
            [
                commands.new_row(self.name, instance, type(command).__name__, command.model_dump(mode="json")) | carried
                for command in following.commands
            ]
        )
        await tx.publish(*(_numbered(event, instance, version + 1) for event in following.events))
        if following.commands:
            for worker in self._commands:
                tx.after_commit(worker.wake)

    async def _one(self, database: Database[Any], stored: Commands, row: Document, tools: tuple[object, ...]) -> None:
        attempt = await stored.claim(row, database.presence.name)
        if not attempt:
            return
        type_, executor = self._executors[row["kind"]]
        token = context.cause.set(context.Cause(row["borough"], row["correlation_id"], None))
        try:
            healing = attempt < ATTEMPTS_UNREMARKED
            seen = {"blocks.attempt": attempt}
            with telemetry.continued(row["traceparent"], f"command {row['kind']}", attributes=seen, retried=healing):
                outcome = await executor(type_.model_validate(row["command"]), CommandContext(row["_id"], row["instance"], attempt, tools))
                await self._done(database, row, outcome)
        except Exception as error:  # noqa: BLE001 (any error of an executor means a retry)
            await stored.failed(row, attempt, error)
        finally:
            context.cause.reset(token)

    async def _done(self, database: Database[Any], row: Document, outcome: Event | None) -> None:
        async def finish() -> None:
            async with database.transaction() as tx:
                if await tx.collection("commands").delete_one({"_id": row["_id"]}) and outcome is not None:
                    await self._move(tx, row["instance"], outcome)

        await retry.retry(finish, on=Conflict, attempts=CONFLICT_ATTEMPTS, first=FIRST_WAIT_SECONDS)

    async def _chase(self, database: Database[Any]) -> int:
        if self._overdue is None:
            return 0
        rows = database.collection("processes")
        where = {"process": self.name, "due": {"$gt": _BEGINNING, "$lte": clock.now()}}
        late = await rows.find(where, sort=[("due", 1)], limit=INSTANCES_A_STEP)
        for row in late:
            try:
                following = self._overdue[1](self._state.model_validate(row["state"]))
                async with database.transaction() as tx:
                    await self._store(tx, row["instance"], following, version=row["version"], due=None)
            except Conflict:
                continue
            except DatabaseError:
                raise
            except Exception as error:
                failures = int(row.get("failures", 0)) + 1
                pause = retry.pause(failures, first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS)
                log.exception("%s %s cannot be chased; tried again in %.0f s (%d)", self.name, row["instance"], pause, failures)
                telemetry.process_failures.add(1, {"process": self.name, "kind": "overdue", "error.type": type(error).__name__})
                later = {"due": clock.now() + timedelta(seconds=pause), "failures": failures, "error": type(error).__name__}
                await rows.update_one({"_id": row["_id"], "version": row["version"]}, {"$set": later})
        return len(late)

    def _id(self, instance: str) -> str:
        return f"{self.name}:{instance}"


def _outcomes(function: Executor) -> set[type[Event]]:
    """The events among the types that an executor's annotation returns."""
    returned = get_type_hints(function).get("return")
    return {kind for kind in get_args(returned) or (returned,) if isinstance(kind, type) and issubclass(kind, Event)}


class CommandWorker(Worker):
    """Runs commands side by side, at most `COMMANDS_AT_ONCE`, so that a slow one delays no other."""

    def __init__(
        self,
        name: str,
        due: Callable[[int], Awaitable[list[Document]]],
        carry_out: Callable[[Document], Coroutine[Any, Any, None]],
        claims: Claims,
    ) -> None:
        super().__init__(name, self._take, interval=0.5, idle_interval=2.0)
        self._claims = claims
        self._due = due
        self._carry_out = carry_out
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def _take(self) -> int:
        await self._claims.sweep(self._under_way)
        free = COMMANDS_AT_ONCE - len(self._under_way)
        rows = [row for row in await self._due(free) if row["_id"] not in self._under_way] if free else []
        for row in rows:
            task: asyncio.Task[None] = asyncio.create_task(self._carry_out(row), name=f"{self.name}-{row['kind']}")
            self._under_way[row["_id"]] = task
            task.add_done_callback(lambda done, id_=row["_id"]: self._ended(id_, done))  # type: ignore[misc]
        return 0  # the end of a command, or a new one, wakes this worker

    def _ended(self, id_: str, task: asyncio.Task[None]) -> None:
        del self._under_way[id_]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._claims.look_again()
            log.warning("a command could be neither run nor postponed; the worker tries it again", exc_info=error)
        if not self.stopping:
            self.wake()

    async def stop(self, grace: float = 5.0) -> None:
        """Waits for running commands, at most `grace` seconds, then cancels them: another replica takes them over."""
        began = asyncio.get_running_loop().time()
        await super().stop(grace)
        left = list(self._under_way.values())
        if left:
            await asyncio.wait(left, timeout=max(0.0, grace - (asyncio.get_running_loop().time() - began)))
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)


def _numbered(event: Event, instance: str, version: int) -> Event:
    """An event about the instance carries the instance's version, from 2 on: 1 is the event that began the instance."""
    if event.order is Order.VERSION and not event.sequence and event.key == instance:
        return event.model_copy(update={"sequence": version + 1})
    return event


_BEGINNING = clock.now().replace(year=2000)
