"""Rows of import files before they are assembled to records: the types that formats and imports share."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from services.addresses.domain.geography.postcode_records import PostcodeRecord, TerminatedPostcodeRecord


class Op(StrEnum):
    """AddressBase's change type of a row (column 2 of Premium, `change_code` of Core)."""

    INSERT = "I"
    UPDATE = "U"
    DELETE = "D"


class Incoming(NamedTuple):
    """One valid row. A later row of the same `key` and `part` replaces it."""

    key: int
    """The UPRN of the row; for a street and its names, the negated USRN."""
    part: str
    """Identifies the record under its key: `21`, `24 5210L000000001`, `15 ENG`. It begins with the record type."""
    op: Op
    fields: tuple[str, ...]
    """The row's fields as in the file, without record type, change type and order; empty for a deletion."""
    order: int = 0
    """PRO_ORDER if the format has one. Of several rows of a key and part the highest order wins, of equal orders the later row."""


class BadRowError(ValueError):
    """The row is invalid. The message gives the reason in plain words and contains no address."""


class WrongFileError(ValueError):
    """The file is of another format or encoding, or is cut off. The import uses nothing of it."""


class EmptyFileError(WrongFileError):
    """The file has no usable row. If rows were invalid, their reasons say more."""


@runtime_checkable
class Format(Protocol):
    """Reader of one address format. An object reads one file, from its first row to its last."""

    @property
    def name(self) -> str:
        """The format's name as a value of `--format`."""

    def read(self, row: Sequence[str]) -> Iterable[Incoming]:
        """Reads a row; returns nothing for headers and irrelevant rows. Raises `BadRowError` or `WrongFileError`."""

    def end(self) -> None:
        """Ends the file. Raises `WrongFileError` if its trailer is missing or does not fit its rows."""


@runtime_checkable
class PostcodeFormat(Protocol):
    """Reader of one postcode format. An object reads one file, from its first row to its last."""

    @property
    def name(self) -> str:
        """The format's name as a value of `--format`."""

    def postcodes(self, row: Sequence[str]) -> Iterable[PostcodeRecord | TerminatedPostcodeRecord]:
        """Reads a row; returns nothing outside London. Raises `BadRowError` or `WrongFileError`."""

    def end(self) -> None:
        """Ends the file. Raises `WrongFileError` if it had no postcode of London."""
