"""A collection with the operations that stores need, inside a transaction or outside of one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from pymongo import ReturnDocument

from shared.mongo import driver
from shared.mongo.driver import translated

Document = dict[str, Any]
Filter = Mapping[str, Any]
Sort = Sequence[tuple[str, int]]


class Collection:
    """Documents of one kind. Raises `Duplicate`, `Conflict` and `Unavailable` with either driver."""

    __slots__ = ("_raw", "_session", "name")

    def __init__(self, raw: Any, session: Any = None) -> None:
        self._raw = raw
        self._session = session
        self.name: str = raw.name

    async def find_one(self, where: Filter, *, projection: Mapping[str, Any] | None = None) -> Document | None:
        """The first document that matches, or None."""
        with translated():
            return cast("Document | None", await self._raw.find_one(where, projection, session=self._session))

    async def find(
        self,
        where: Filter,
        *,
        sort: Sort | None = None,
        limit: int = 0,
        skip: int = 0,
        projection: Mapping[str, Any] | None = None,
    ) -> list[Document]:
        """All matching documents. Give a limit if the result can grow."""
        with translated():
            cursor = self._raw.find(where, projection, sort=list(sort) if sort else None, limit=limit, skip=skip, session=self._session)
            return cast("list[Document]", await cursor.to_list(None))

    async def iterate(self, where: Filter, *, sort: Sort | None = None, batch: int = 500) -> AsyncIterator[Document]:
        """Iterates over matching documents, fetched in batches, for results that do not fit in memory."""
        cursor = self._raw.find(where, None, sort=list(sort) if sort else None, batch_size=batch, session=self._session)
        async for row in driver.rows(cursor):
            yield row

    async def insert_one(self, document: Document) -> None:
        """Inserts a document. Raises `Duplicate` for a second value of a unique index."""
        with translated():
            await self._raw.insert_one(document, session=self._session)

    async def insert_many(self, documents: Sequence[Document], *, ordered: bool = True) -> None:
        """Inserts all documents; does nothing for an empty list."""
        if documents:
            with translated():
                await self._raw.insert_many(documents, ordered=ordered, session=self._session)

    async def update_one(self, where: Filter, update: Mapping[str, Any] | list[Document], *, upsert: bool = False) -> bool:
        """Updates the first match. True if a document matched or was inserted."""
        with translated():
            result = await self._raw.update_one(where, update, upsert=upsert, session=self._session)
        return bool(result.matched_count or result.upserted_id is not None)

    async def update_many(self, where: Filter, update: Mapping[str, Any]) -> int:
        """Updates every match. Returns the number of matches."""
        with translated():
            return int((await self._raw.update_many(where, update, session=self._session)).matched_count)

    async def replace_one(self, where: Filter, document: Document, *, upsert: bool = False) -> bool:
        """Replaces the first match. True if a document matched or was inserted."""
        with translated():
            result = await self._raw.replace_one(where, document, upsert=upsert, session=self._session)
        return bool(result.matched_count or result.upserted_id is not None)

    async def find_one_and_update(
        self, where: Filter, update: Mapping[str, Any] | list[Document], *, upsert: bool = False, sort: Sort | None = None
    ) -> Document | None:
        """Updates the first match atomically. Returns the document after the update."""
        with translated():
            row = await self._raw.find_one_and_update(
                where,
                update,
                upsert=upsert,
                sort=list(sort) if sort else None,
                return_document=ReturnDocument.AFTER,
                session=self._session,
            )
        return cast("Document | None", row)

    async def find_one_and_delete(self, where: Filter) -> Document | None:
        """Deletes the first match atomically. Returns the deleted document."""
        with translated():
            return cast("Document | None", await self._raw.find_one_and_delete(where, session=self._session))

    async def delete_one(self, where: Filter) -> bool:
        """Deletes the first match. True if there was one."""
        with translated():
            return bool((await self._raw.delete_one(where, session=self._session)).deleted_count)

    async def delete_many(self, where: Filter) -> int:
        """Deletes every match. Returns their number."""
        with translated():
            return int((await self._raw.delete_many(where, session=self._session)).deleted_count)

    async def count(self, where: Filter) -> int:
        """The number of matching documents."""
        with translated():
            return int(await self._raw.count_documents(where, session=self._session))

    async def aggregate(self, pipeline: list[Document]) -> list[Document]:
        """All rows of an aggregation."""
        with translated():
            return await driver.aggregate(self._raw, pipeline, self._session)
