"""The change feed: the changes of addresses with each release, in order, from the beginning or from a cursor."""

from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from services.addresses.domain.releases.changes import Change, Happened
from services.addresses.store.changes import FeedFilter, Run
from shared.http import Cursor, InvalidCursor, Router

from .common import Db, Reader

router = Router(prefix="/v1/addresses", tags=["changes"])
MOST = 1_000


class ChangedAddress(BaseModel):
    """A change of one address, or of several that were merged or split."""

    release: str = Field(description="The release that brought it")
    happened: Happened
    before: list[str] = Field(description="UPRNs before: none where one was created")
    after: list[str] = Field(description="UPRNs after: none where one was retired")
    at: datetime = Field(description="When the change was published")

    @classmethod
    def of(cls, change: Change, run: Run) -> "ChangedAddress":
        """Create the view of a change."""
        before, after = ([str(uprn) for uprn in uprns] for uprns in (change.before, change.after))
        return cls(release=run.after, happened=change.happened, before=before, after=after, at=run.at)


class Changes(BaseModel):
    """A page of the feed. The feed has no end: keep `next`, and request the next page with it later."""

    items: list[ChangedAddress]
    next: str = Field(description="Give it as `cursor` to go on after these. An older one gives the same again.")
    more: bool = Field(description="Whether there are more by now")


@router.get("/changes")
async def list_changes(
    *,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    store: Db,
    cursor: Annotated[str | None, Query(max_length=100, description="`next` of an answer before. Without it: from the beginning.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    happened: Annotated[Happened | None, Query(description="Changes of this kind only")] = None,
    release: Annotated[str | None, Query(max_length=100, description="What this release brought only")] = None,
    since: Annotated[date | None, Query(description="What was published on this day (UTC) or later only")] = None,
) -> Changes:
    """List the changes of addresses in the order of publication. Repeat the same filters while you follow `next`."""
    position, skip = _place(cursor)
    wanted = FeedFilter(happened, release, datetime.combine(since, time(), UTC) if since else None)
    items: list[ChangedAddress] = []
    async for batch in store.feed.batches(wanted, position=position):
        offset = skip if batch.position == position else 0
        for change in batch.changes[offset:]:
            if len(items) == limit:
                return Changes(items=items, next=Cursor.pack(batch.position, offset), more=True)
            items.append(ChangedAddress.of(change, batch.run))
            offset += 1
        position, skip = batch.position + 1, 0
    return Changes(items=items, next=Cursor.pack(position, skip), more=False)


def _place(cursor: str | None) -> tuple[int, int]:
    """Return the position of the batch, and the number of its changes before the cursor. Raises `InvalidCursor`."""
    if cursor is None:
        return 1, 0
    match Cursor.unpack(cursor):
        case [int(position), int(skip)] if 1 <= position < 1 << 60 and 0 <= skip <= MOST:
            return position, skip
        case _:
            raise InvalidCursor
