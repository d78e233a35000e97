"""A service's database, its transactions, and the unit of work that a request is."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from contracts.events.base import Event, Order
from shared import clock, context
from shared.mongo import driver
from shared.mongo.collection import Collection, Document, Sort
from shared.mongo.driver import CODEC, translated
from shared.mongo.errors import Conflict, DatabaseError, Duplicate
from shared.mongo.orphaned_transactions import OrphanedTransactions
from shared.outbox import rows
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
    """Where queries run: the database itself, or one transaction of it. Repositories are written against this."""

    def collection(self, name: str) -> Collection:
        """The documents of one kind, bound to this scope."""
        raise NotImplementedError


class Transaction(Scope):
    """State and events that become visible together or not at all. Made by `Database.transaction()`."""

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
        """Add events to this transaction. They reach Kafka after the commit, in this order for each key.

        Raises TypeError for an event without the sequence that its class asks for, and `Conflict` where another transaction counts the
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
        """The number of this event among those of its topic and key."""
        rows.check(event)
        try:
            counter = await self.collection("sequences").find_one_and_update(
                {"_id": f"{event.topic}:{event.key}"}, {"$inc": {"last": 1}, "$set": {"at": clock.now()}}, upsert=True
            )
        except Duplicate as error:
            raise Conflict("another transaction counts the first event of this key") from error
        return int(counter["last"]) if counter else 1

    def insert_last(self, collection: str, row: Document) -> None:
        """Insert this row together with the commit, which raises what the insert would have raised. It saves a round trip's wait."""
        self._last.setdefault(collection, []).append(row)

    def after_commit(self, call: Callable[[], object]) -> None:
        """Call this once the commit is certain; never when it fails. For waking workers, not for effects that must not be lost."""
        self._after.append(call)

    def if_undone(self, call: Callable[[], Awaitable[object]]) -> None:
        """Call this where the transaction certainly has no effect: to take away what was written beside it, being too much for it. It may
        not be called after a kill, or where nobody knows whether the commit happened; so what it takes away must expire too.
        """
        self._instead.append(call)

    @property
    def shards(self) -> set[int]:
        """The outbox shards that this transaction wrote to."""
        return self._shards

    async def commit_now(self) -> None:
        """Insert the last rows, commit, end the session."""
        with translated():
            await driver.finish(self._session, [(self._raw[name], rows) for name, rows in self._last.items()])

    def committed(self) -> None:
        """Make the calls that wait for the commit."""
        for call in self._after:
            call()

    async def undone(self) -> None:
        """Make the calls that are for this case; one that fails is logged."""
        for call in self._instead:
            try:
                await call()
            except DatabaseError:
                log.warning("what was written beside a transaction that was undone could not be taken away", exc_info=True)


TxT = TypeVar("TxT", bound=Transaction)


class UnitOfWork:
    """A request whose effect and stored reply are one transaction: the block's commit waits until the reply is known."""

    def __init__(self, begun: Callable[[Scope], None]) -> None:
        self.begun = begun
        """Called with the database in which a transaction has just begun; may raise to end it."""
        self.transaction: Transaction | None = None
        self._finish: Callable[[bool], Any] | None = None

    def defer(self, transaction: Transaction, finish: Callable[[bool], Any]) -> None:
        """Take over the end of a transaction."""
        self.transaction = transaction
        self._finish = finish

    async def commit(self) -> None:
        """Commit what the request did."""
        await self._end(True)

    async def abort(self) -> None:
        """Undo what the request did."""
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
    """The driver's collections by name, each made once: they are stateless, and motor's take 50 microseconds to make."""

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
        """Called after each commit that published events, with their shards: the relay's wake-up."""

    def collection(self, name: str) -> Collection:
        return Collection(self._raw[name])

    async def start(self) -> Self:
        """Create the collections and indexes that are missing, because to create one inside a transaction conflicts with everybody.

        Raises `DatabaseError` naming what is wrong with address or password.
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
        """Write this process's row of `readiness`, and read it. Raises `Unavailable` when the database does not answer."""
        rows, own = self.collection("readiness"), {"_id": self.settings.instance}
        await rows.update_one(own, {"$set": {"at": clock.now()}}, upsert=True)
        await rows.find_one(own)

    async def close(self) -> None:
        """Close all connections."""
        await driver.settle(self._client.close())

    async def drop(self) -> None:
        """Remove the whole database; for tests."""
        with translated():
            await self._client.drop_database(self.settings.database)

    async def snapshot(self, name: str, where: Document, *, sort: Sort, limit: int, projection: Document | None = None) -> list[Document]:
        """What one query finds in one snapshot: a row that it gives is never without what was committed before that row.

        A plain query gives no such promise: the server may let others write in the middle of it (MongoDB manual, read isolation).
        """
        with translated():
            return await driver.find_in_snapshot(self._client, self._raw[name], where, sort=sort, limit=limit, projection=projection)

    def watch(self, name: str, pipeline: list[dict[str, Any]]) -> Any:
        """A change stream on one collection; a wake-up, never the truth."""
        return driver.watch(self._database[name], pipeline)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[TxT]:
        """One transaction: commits when the block ends, undoes everything when it raises.

        Raises `Conflict` when another transaction changed the same row first: the route or consumer around runs the whole
        function again. In a request with an `Idempotency-Key` the commit waits for the reply, and a second
        block joins the first.
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
