"""The two MongoDB drivers behind one interface. No other module of a service imports motor or pymongo.

Motor is the default by the project's design; PyMongo's own asyncio API is the successor of it. Where the two differ (what must be
awaited) is resolved here, so that the code above it is the same on both.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any, Literal, cast

from bson.binary import UUID_SUBTYPE, Binary
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession
from pymongo import AsyncMongoClient
from pymongo import errors as pymongo_errors
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from shared.mongo.errors import Conflict, DatabaseError, Duplicate, TooLarge, Unavailable

DUPLICATE_KEY_CODES = {11000, 11001}
COMMIT_ATTEMPTS = 5
NAMESPACE_EXISTS = 48
INDEX_DIFFERS = {85, 86}
"""IndexOptionsConflict and IndexKeySpecsConflict (MongoDB, error codes)."""
_CHANGED, _TOO_LARGE = "another transaction changed the same row", "more than the database takes at once"
_BY_CODE: dict[int | None, tuple[type[DatabaseError], str]] = {
    112: (Conflict, _CHANGED),
    388: (TooLarge, _TOO_LARGE),  # TransactionTooLargeForCache
    10334: (TooLarge, _TOO_LARGE),  # BSONObjectTooLarge
    17419: (TooLarge, _TOO_LARGE),  # an update makes the document too large
    17420: (TooLarge, _TOO_LARGE),
}
TRANSIENT = "TransientTransactionError"
UNKNOWN_COMMIT = "UnknownTransactionCommitResult"
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
JOURNALED_MAJORITY = WriteConcern(w="majority", j=True)
_SNAPSHOT: dict[str, Any] = {
    "read_concern": ReadConcern("snapshot"),
    "write_concern": JOURNALED_MAJORITY,
    "read_preference": ReadPreference.PRIMARY,
}


def connect(uri: str, driver: Literal["motor", "pymongo"], *, timeout_ms: int = 5000, pool: int = 100) -> Any:
    """A client of the chosen driver. It connects at the first operation."""
    options: dict[str, Any] = {
        "serverSelectionTimeoutMS": timeout_ms,
        "connectTimeoutMS": timeout_ms,
        "socketTimeoutMS": 30_000,
        "maxPoolSize": pool,
        "retryWrites": True,
        "uuidRepresentation": "standard",
    }
    if driver == "motor":
        return AsyncIOMotorClient(uri, **options)
    return AsyncMongoClient(uri, **options)


async def resolve(value: Any) -> Any:
    """Awaits a value that one driver returns as an awaitable and the other as it is."""
    return await value if isawaitable(value) else value


def start_session(client: Any) -> Any:
    """A driver session without a transaction. Costs no round trip, so motor's thread is not needed."""
    if not _is_motor(client):
        return client.start_session()
    return AsyncIOMotorClientSession(client.delegate.start_session(), client)


async def begin(session: Any) -> None:
    """Starts a snapshot transaction whose commit is on disk at a majority."""
    await resolve(session.start_transaction(**_SNAPSHOT))


async def find_in_snapshot(
    client: Any,
    collection: Any,
    where: Mapping[str, Any],
    *,
    sort: Sequence[tuple[str, int]],
    limit: int,
    projection: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """A query in a read-only transaction of its own. Its commit makes sure that what was read is at a majority and stays.

    With motor all of it is one call into a thread, because such a call costs more than the command in it.
    """
    if _is_motor(client):
        return await asyncio.to_thread(_find_in_thread, client.delegate, collection.delegate, where, list(sort), limit, projection)
    async with client.start_session() as session:
        await begin(session)
        rows = await collection.find(where, projection, sort=list(sort), limit=limit, session=session).to_list(None)
        await (session.commit_transaction() if rows else session.abort_transaction())
        return cast("list[dict[str, Any]]", rows)


def _find_in_thread(  # noqa: PLR0917
    client: Any, collection: Any, where: Mapping[str, Any], sort: list[tuple[str, int]], limit: int, projection: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    with client.start_session() as session:
        session.start_transaction(**_SNAPSHOT)
        rows: list[dict[str, Any]] = list(collection.find(where, projection, sort=sort, limit=limit, session=session))
        session.commit_transaction() if rows else session.abort_transaction()
        return rows


async def finish(session: Any, last: Sequence[tuple[Any, list[dict[str, Any]]]]) -> None:
    """Insert a transaction's last rows (collection, rows), commit, end the session; the transaction is aborted where any of it fails.

    With motor all of it is one call into a thread, because such a call costs more than the command in it.
    """
    if _is_motor(session):
        await asyncio.to_thread(_finish_in_thread, session.delegate, [(collection.delegate, rows) for collection, rows in last])
        return
    try:
        for collection, rows in last:
            await (collection.insert_one(rows[0], session=session) if len(rows) == 1 else collection.insert_many(rows, session=session))
        for attempt in range(COMMIT_ATTEMPTS):
            try:
                await session.commit_transaction()
            except pymongo_errors.PyMongoError as error:
                _raise_unless_unknown(error, attempt)
            else:
                return
    finally:
        await session.end_session()


def _finish_in_thread(session: Any, last: list[tuple[Any, list[dict[str, Any]]]]) -> None:
    try:
        for collection, rows in last:
            collection.insert_one(rows[0], session=session) if len(rows) == 1 else collection.insert_many(rows, session=session)
        for attempt in range(COMMIT_ATTEMPTS):
            try:
                session.commit_transaction()
            except pymongo_errors.PyMongoError as error:
                _raise_unless_unknown(error, attempt)
            else:
                return
    finally:
        session.end_session()


def _raise_unless_unknown(error: pymongo_errors.PyMongoError, attempt: int) -> None:
    """Repeats a commit with an unknown outcome, as the driver specification allows."""
    if attempt == COMMIT_ATTEMPTS - 1 or not error.has_error_label(UNKNOWN_COMMIT):
        raise error


async def abort(session: Any) -> None:
    """Aborts the transaction, if any, and ends the session. The server ends an unacknowledged one by itself."""
    try:
        if session.in_transaction:
            await session.abort_transaction()
    finally:
        await resolve(session.end_session())


def session_id(session: Any) -> bytes:
    """The server's id of a session (16 bytes)."""
    raw = session.delegate if _is_motor(session) else session
    return bytes(raw.session_id["id"])


async def kill_sessions(database: Any, ids: Sequence[bytes]) -> None:
    """Ends these sessions at the server, and aborts their transactions. Unknown ids are no error."""
    await database.command({"killSessions": [{"id": Binary(bytes(id_), UUID_SUBTYPE)} for id_ in ids]})


def _is_motor(thing: Any) -> bool:
    return hasattr(type(thing), "__motor_class_name__")


async def create_collection(database: Any, name: str) -> None:
    """Creates a collection. No error if another replica has created it."""
    try:
        await database.create_collection(name)
    except pymongo_errors.CollectionInvalid:
        return
    except pymongo_errors.OperationFailure as error:
        if error.code != NAMESPACE_EXISTS:
            raise


async def create_index(collection: Any, keys: list[tuple[str, int]], options: Mapping[str, Any]) -> None:
    """Creates an index. Replaces an index of an earlier release on the same fields with other options."""
    try:
        await collection.create_index(keys, **options)
    except pymongo_errors.OperationFailure as error:
        if error.code not in INDEX_DIFFERS:
            raise
        await collection.drop_index(keys)
        await collection.create_index(keys, **options)


async def aggregate(collection: Any, pipeline: list[dict[str, Any]], session: Any) -> list[dict[str, Any]]:
    """All rows of an aggregation."""
    cursor = await resolve(collection.aggregate(pipeline, session=session))
    return cast("list[dict[str, Any]]", await cursor.to_list(None))


def watch(collection: Any, pipeline: list[dict[str, Any]]) -> Any:
    """A change stream, as an async context manager that iterates over changes (or an awaitable of one)."""
    return collection.watch(pipeline, max_await_time_ms=1000)


@contextmanager
def translated() -> Iterator[None]:
    """Turns driver errors into those of `shared.mongo.errors`."""
    try:
        yield
    except pymongo_errors.PyMongoError as error:
        raise translate(error) from error
    except pymongo_errors.DocumentTooLarge as error:  # refused by the driver; no PyMongoError
        raise TooLarge(_TOO_LARGE) from error


def translate(error: pymongo_errors.PyMongoError) -> DatabaseError:
    """The error of `shared.mongo.errors` for a driver error."""
    if isinstance(error, pymongo_errors.BulkWriteError):
        details = cast("dict[str, Any]", error.details or {})
        codes = {item.get("code") for item in details.get("writeErrors", [])}
        if codes & DUPLICATE_KEY_CODES:
            return Duplicate("a row with this key exists")
    if isinstance(error, pymongo_errors.DuplicateKeyError):
        details = cast("dict[str, Any]", error.details or {})
        return Duplicate("a row with this key exists", details.get("keyValue"))
    if isinstance(error, pymongo_errors.OperationFailure) and error.code in _BY_CODE:
        kind, message = _BY_CODE[error.code]
        return kind(message)
    if isinstance(error, pymongo_errors.ConnectionFailure | pymongo_errors.WaitQueueTimeoutError | pymongo_errors.ExecutionTimeout):
        return Unavailable("the database does not answer")
    if error.has_error_label(TRANSIENT):
        return Conflict(_CHANGED)
    return DatabaseError(str(error))


async def rows(cursor: Any) -> AsyncIterator[dict[str, Any]]:
    """Iterates over a cursor and translates its errors."""
    with translated():
        async for row in cursor:
            yield row


__all__ = [
    "CODEC",
    "abort",
    "aggregate",
    "begin",
    "connect",
    "create_collection",
    "create_index",
    "find_in_snapshot",
    "finish",
    "kill_sessions",
    "resolve",
    "rows",
    "session_id",
    "start_session",
    "translate",
    "translated",
    "watch",
]
