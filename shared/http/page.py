"""Pages of lists, by an opaque cursor."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, Field

from shared.http.errors import Problem

T = TypeVar("T")
Row = TypeVar("Row")


class InvalidCursor(Problem):
    """400: the client sent a cursor that this service never gave."""

    def __init__(self) -> None:
        super().__init__(400, "cursor is not one that this service gave", type="invalid-input", field="query.cursor")


class Page(BaseModel, Generic[T]):
    """One page of a list; `next` is the cursor of the next one, null at the end."""

    items: list[T]
    next: str | None = Field(default=None, description="Give it as `cursor` to get the next page.")

    @classmethod
    def of(cls, found: Sequence[Row], limit: int, *, shown: Callable[[Row], T], id_of: Callable[[Row], str]) -> Self:
        """The page of the first `limit` rows. Find one row more than that: it shows whether another page follows."""
        following = Cursor.pack(id_of(found[limit - 1])) if len(found) > limit else None
        return cls(items=[shown(row) for row in found[:limit]], next=following)


class Cursor:
    """Packs the position after a page's last row. A position is no permission, so a cursor is not secret."""

    @staticmethod
    def pack(*position: str | int) -> str:
        """The cursor after a row at this position."""
        return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")

    @staticmethod
    def unpack(cursor: str) -> list[Any]:
        """The position in a cursor. Raises `InvalidCursor`, a 400."""
        try:
            position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except (binascii.Error, ValueError, RecursionError) as error:
            raise InvalidCursor from error
        if not isinstance(position, list) or not all(map(_can_be_stored, position)):
            raise InvalidCursor
        return position


def _can_be_stored(part: object) -> bool:
    """Whether a database can search for it: text without lone surrogates, or an integer of 64 bits."""
    if isinstance(part, str):
        return part.isascii() or not any("\ud800" <= character <= "\udfff" for character in part)
    return isinstance(part, int) and abs(part) < 2**63


def position(cursor: str | None) -> str | None:
    """The id in the cursor of a `Page`, None for the first page. Raises `InvalidCursor`, a 400."""
    if cursor is None:
        return None
    match Cursor.unpack(cursor):
        case [str(id_)]:
            return id_
        case _:
            raise InvalidCursor
