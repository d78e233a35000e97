"""What an import file says, row by row, before it is put together to records: the terms that formats and imports share."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from services.addresses.domain.geography.postcode_records import PostcodeRecord, TerminatedPostcodeRecord


class Op(StrEnum):
    """What a row does to what is held: AddressBase's change type (column 2 of Premium, `change_code` of Core)."""

    INSERT = "I"
    UPDATE = "U"
    DELETE = "D"


class Incoming(NamedTuple):
    """One row that was understood. A later row of the same `key` and `part` takes its place."""

    key: int
    """The UPRN that it is about; for a street and its names, minus the USRN."""
    part: str
    """Which of what is held under the key: `21`, `24 5210L000000001`, `15 ENG`. It begins with the record type."""
    op: Op
    fields: tuple[str, ...]
    """The row's fields as they stand in the file, without record type, change type and order; empty for a deletion."""
    order: int = 0
    """PRO_ORDER where the format has one. Of several rows of a key and part the highest holds, of equal ones the later."""


class BadRowError(ValueError):
    """A row that cannot be used. The message is the reason in plain words and holds no address."""


class WrongFileError(ValueError):
    """A file that cannot be what it is read as: another format, another encoding, cut off. Nothing of it is used."""


class EmptyFileError(WrongFileError):
    """A file of which no row said anything that is wanted. Where rows of it could not be used, their reasons say more."""


@runtime_checkable
class Format(Protocol):
    """How one kind of file of addresses is read; one object reads one file, from its first row to its last."""

    @property
    def name(self) -> str:
        """As `--format` names it."""

    def read(self, row: Sequence[str]) -> Iterable[Incoming]:
        """What a row says: nothing for headers and rows that do not matter. Raises `BadRowError` or `WrongFileError`."""

    def end(self) -> None:
        """The file has ended. Raises `WrongFileError` where what closes it is missing or does not fit what came."""


@runtime_checkable
class PostcodeFormat(Protocol):
    """How one kind of file of postcodes is read; one object reads one file, from its first row to its last."""

    @property
    def name(self) -> str:
        """As `--format` names it."""

    def postcodes(self, row: Sequence[str]) -> Iterable[PostcodeRecord | TerminatedPostcodeRecord]:
        """What a row says, if it is London's: nothing for the rest. Raises `BadRowError` or `WrongFileError`."""

    def end(self) -> None:
        """The file has ended. Raises `WrongFileError` where it had no postcode of London."""
