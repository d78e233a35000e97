"""Errors of the database, by what a caller can do about them."""


class DatabaseError(Exception):
    """The database refused or failed for a reason other than those below."""


class Duplicate(DatabaseError):  # noqa: N818 (what happened, not a fault)
    """A unique index has this value already."""

    def __init__(self, message: str, key: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.key = key or {}


class Conflict(DatabaseError):  # noqa: N818
    """Another transaction changed the same row first: run the whole function again."""


class Unavailable(DatabaseError):  # noqa: N818
    """The database does not answer; the same call may succeed later."""


class TooLarge(DatabaseError):  # noqa: N818
    """A document or a transaction is larger than the database accepts. The same call fails again."""
