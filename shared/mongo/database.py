"""A service's database, its transactions, and the unit of work of a request."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from contracts.events.base import Event, Order
from shared import clock, context
from shared.mongo import driver
from shared.mongo import outbox_rows as rows
from shared.mongo.collection import Collection, Document, Sort
from shared.mongo.driver import CODEC, translated
from shared.mongo.errors import Conflict, DatabaseError, Duplicate
from shared.mongo.orphaned_transactions import OrphanedTransactions
from shared.presence import Presence
from shared.settings import INBOX_DAYS, STORED_REPLY_DAYS, ServiceSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Index:
    """An index: fields in order (`-name` descends), `unique`, `expire_after` seconds after the field's instant, `only` rows that match."""

    fields: tuple[str, ...]
    unique: bool = False
    expire_after: int | None = None
    only: Mapping[str, Any] | None = None

    def __init__(self, *fields: str, unique: bool = False, expire_after: int | None = None, only: Mapping[str, Any] | None = None) -> None:
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "unique", unique)
        object.__setattr__(self, "expire_after", expire_after)
        object.__setattr__(self, "only", only)

    def arguments(self) -> tuple[list[tuple[str, int]], dict[str, Any]]:
        """Keys and options as MongoDB takes them."""
        keys = [(field.removeprefix("-"), -1 if field.startswith("-") else 1) for field in self.fields]
        options: dict[str, Any] = {}
        if self.unique:
            options["unique"] = True
        if self.expire_after is not None:
            options["expireAfterSeconds"] = self.expire_after
        if self.only is not None:
            options["partialFilterExpression"] = dict(self.only)
        return keys, options


class Scope:
    """The database or one transaction of it. Repositories query through either."""

    def collection(self, name: str) -> Collection:
        """The documents of one kind, bound to this scope."""
        raise NotImplementedError


class Transaction(Scope):
    """State and events that become visible together or not at all. `Database.transaction()` creates it."""

    def __init__(self, raw: Any, session: Any, settings: ServiceSettings) -> None:
        self._raw = raw
        self._session = session
        self._settings = settings
        self._after: list[Callable[[], object]] = []
        self._instead: list[Callable[[], Awaitable[object]]] = []
        self._last: dict[str, list[Document]] = {}
        self._shards: set[int] = set()
        self._published = 0

    def collection(self, name: str) -> Collection:
        return Collection(self._raw[name], self._session)

    async def publish(self, *events: Event, borough: str | None = None) -> None:
        """Adds events to this transaction. The relay sends them after the commit, in this order for each key.

        Raises TypeError for an event without the sequence that its class requires, and `Conflict` if another transaction counts the
        events of the same key.
        """
        cause = context.cause.get()
        if borough is not None:
            cause = context.Cause(borough, cause.correlation_id, cause.causation_id)
        for event in events:
            if event.order is Order.COUNTER and not event.sequence:
                event = event.model_copy(update={"sequence": await self._count_up(event)})  # noqa: PLW2901
            row = rows.row(event, service=self._settings.name, topic_prefix=self._settings.topic_prefix, cause=cause, nth=self._published)
            self._published += 1
            self._shards.add(row["shard"])
            self.insert_last("outbox", row)

    async def _count_up(self, event: Event) -> int:
        """The next number for the events of this topic and key."""
        rows.check(event)
        try:
            counter = await self.collection("sequences").find_one_and_update(
                {"_id": f"{event.topic}:{event.key}"}, {"$inc": {"last": 1}, "$set": {"at": clock.now()}}, upsert=True
            )
        except Duplicate as error:
            raise Conflict("another transaction counts the first event of this key") from error
        return int(counter["last"]) if counter else 1

    def insert_last(self, collection: str, row: Document) -> None:
        """Inserts the row together with the commit, which raises the insert's errors. Saves the wait for one round trip."""
        self._last.setdefault(collection, []).append(row)

    def after_commit(self, call: Callable[[], object]) -> None:
        """Calls this after the commit, and never after a failed one. For waking workers, not for effects that must not be lost."""
        self._after.append(call)

    def if_undone(self, call: Callable[[], Awaitable[object]]) -> None:
        """Calls this if the transaction certainly has no effect: to delete rows that were too large for it and written outside of it.

        After a kill, or a commit with an unknown outcome, nothing calls it; so such rows must also expire.
        """
        self._instead.append(call)

    @property
    def shards(self) -> set[int]:
        """The outbox shards of the published events."""
        return self._shards

    async def commit_now(self) -> None:
        """Inserts the last rows, commits, and ends the session."""
        with translated():
            await driver.finish(self._session, [(self._raw[name], rows) for name, rows in self._last.items()])

    def committed(self) -> None:
        """Runs the calls of `after_commit`."""
        for call in self._after:
            call()

    async def undone(self) -> None:
        """Runs the calls of `if_undone`; logs those that fail."""
        for call in self._instead:
            try:
                await call()
            except DatabaseError:
                log.warning("rows of an undone transaction could not be deleted", exc_info=True)


TxT = TypeVar("TxT", bound=Transaction)


class UnitOfWork:
    """A request whose effect and stored reply are one transaction: the commit waits for the reply."""

    def __init__(self, begun: Callable[[Scope], None]) -> None:
        self.begun = begun
        """Called with the database after a transaction has begun; may raise to abort it."""
        self.transaction: Transaction | None = None
        self._finish: Callable[[bool], Any] | None = None

    def defer(self, transaction: Transaction, finish: Callable[[bool], Any]) -> None:
        """Leaves commit or abort of a transaction to `commit` and `abort`."""
        self.transaction = transaction
        self._finish = finish

    async def commit(self) -> None:
        """Commits the request's transaction."""
        await self._end(True)

    async def abort(self) -> None:
        """Aborts the request's transaction."""
        await self._end(False)

    async def _end(self, success: bool) -> None:
        finish, self._finish, self.transaction = self._finish, None, None
        if finish is not None:
            await finish(success)


unit_of_work: ContextVar[UnitOfWork | None] = ContextVar("unit_of_work", default=None)

CHASSIS_INDEXES: dict[str, list[Index]] = {
    "outbox": [Index("shard", "order")],
    "outbox_sent": [Index("shard", "order"), Index("expires_at", expire_after=0)],
    "outbox_unsent": [Index("shard", "topic", "key", "order"), Index("state", "due")],
    "sequences": [Index("at", expire_after=90 * 24 * 3600)],
    "relay": [],
    "inbox": [Index("at", expire_after=INBOX_DAYS * 24 * 3600)],
    "parked": [
        Index("lane", "holds", "place"),
        Index("lane", "place", unique=True, only={"place": {"$exists": True}}),
        Index("state", "consumer", "due"),
    ],
    "processes": [Index("process", "due")],
    "commands": [Index("process", "due"), Index("holder"), Index("state", "died_at", only={"state": "dead"})],
    "idempotency": [Index("at", expire_after=STORED_REPLY_DAYS * 24 * 3600)],
    "live_processes": [],
    "limits": [Index("expires_at", expire_after=0)],
    "readiness": [Index("at", expire_after=24 * 3600)],
}


class _Collections(dict[str, Any]):
    """The driver's collections by name, created once: they are stateless, and motor takes 50 microseconds for one."""

    def __init__(self, database: Any) -> None:
        super().__init__()
        self._database = database

    def __missing__(self, name: str) -> Any:
        made = self[name] = self._database[name]
        return made


class Database(Scope, Generic[TxT]):
    """A service's database. Derive with `transaction_type` and `indexes`."""

    transaction_type: type[TxT]
    indexes: ClassVar[Mapping[str, list[Index]]] = {}

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self._client = driver.connect(settings.mongodb.get_secret_value(), settings.driver)
        self._database = self._client.get_database(settings.database, codec_options=CODEC)
        self._raw = _Collections(self._database)
        self.presence = Presence(self.collection("live_processes"), settings.instance)
        """This process among those that share the database."""
        self._orphaned = OrphanedTransactions(self._database, self.presence)
        self.on_commit: list[Callable[[set[int]], object]] = []
        """Calls after each commit that published events, with their shards: they wake the relay."""

    def collection(self, name: str) -> Collection:
        return Collection(self._raw[name])

    async def start(self) -> Self:
        """Creates missing collections and indexes. Creating one inside a transaction would conflict with all others.

        Raises `DatabaseError`, which names what is wrong with address or password.
        """
        with translated():
            existing = set(await self._database.list_collection_names())
            for name, indexes in {**CHASSIS_INDEXES, **self.indexes}.items():
                if name not in existing:
                    await driver.create_collection(self._database, name)
                for index in indexes:
                    keys, options = index.arguments()
                    await driver.create_index(self._database[name], keys, options)
        return self

    async def write_and_read(self) -> None:
        """Writes and reads this process's row of `readiness`. Raises `Unavailable` if the database does not answer."""
        rows, own = self.collection("readiness"), {"_id": self.settings.instance}
        await rows.update_one(own, {"$set": {"at": clock.now()}}, upsert=True)
        await rows.find_one(own)

    async def close(self) -> None:
        """Closes all connections."""
        await driver.resolve(self._client.close())

    async def drop(self) -> None:
        """Drops the database; for tests."""
        with translated():
            await self._client.drop_database(self.settings.database)

    async def snapshot(self, name: str, where: Document, *, sort: Sort, limit: int, projection: Document | None = None) -> list[Document]:
        """The result of one query in one snapshot: with a row, it has every row that was committed before it.

        A plain query has no such guarantee: other writes may happen during it (MongoDB manual, read isolation).
        """
        with translated():
            return await driver.find_in_snapshot(self._client, self._raw[name], where, sort=sort, limit=limit, projection=projection)

    def watch(self, name: str, pipeline: list[dict[str, Any]]) -> Any:
        """A change stream on one collection. It may miss changes, so use it to wake up only."""
        return driver.watch(self._database[name], pipeline)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[TxT]:
        """One transaction: commits at the end of the block, aborts if the block raises.

        Raises `Conflict` if another transaction changed the same row first: the surrounding route or subscriber runs the whole function
        again. In a request with an `Idempotency-Key` the commit waits for the reply, and a second block joins the first.
        """
        unit = unit_of_work.get()
        if unit is not None and isinstance(unit.transaction, self.transaction_type):
            yield unit.transaction
            return
        with translated():
            session = driver.start_session(self._client)
        await self._orphaned.note(session)
        transaction = self.transaction_type(self._raw, session, self.settings)
        try:
            await driver.begin(session)
            if unit is not None:
                unit.begun(self)
            yield transaction
        except BaseException:
            await self._finish(transaction, session, success=False)
            raise
        if unit is not None and unit.transaction is None:
            unit.defer(transaction, lambda success: self._finish(transaction, session, success=success))
            return
        await self._finish(transaction, session, success=True)

    async def _finish(self, transaction: TxT, session: Any, *, success: bool) -> None:
        if not success:
            try:
                with translated():
                    await driver.abort(session)
            except DatabaseError:
                log.debug("abort was not acknowledged; the server ends the transaction by itself")
            await transaction.undone()
            return
        try:
            await transaction.commit_now()
        except (Conflict, Duplicate):
            await transaction.undone()
            raise
        if transaction.shards:
            for wake in self.on_commit:
                wake(transaction.shards)
        transaction.committed()
