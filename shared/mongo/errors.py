"""What can go wrong at the database, in the three kinds that callers can do something about."""


class DatabaseError(Exception):
    """The database refused or failed in another way than those below."""


class Duplicate(DatabaseError):  # noqa: N818 (what happened, not a fault)
    """A unique index would be broken."""

    def __init__(self, message: str, key: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.key = key or {}


class Conflict(DatabaseError):  # noqa: N818
    """Another transaction changed the same row first; running the whole function again will do."""


class Unavailable(DatabaseError):  # noqa: N818
    """The database does not answer; the same call may succeed later."""


class TooLarge(DatabaseError):  # noqa: N818
    """A document, or what a transaction writes, is larger than the database takes. The same call fails again."""
