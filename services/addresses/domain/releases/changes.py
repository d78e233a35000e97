"""Changes between two releases of the gazetteer."""

from enum import StrEnum
from typing import NamedTuple


class Happened(StrEnum):
    """Kind of a change."""

    CREATED = "created"
    CHANGED = "changed"
    MERGED = "merged"
    SPLIT = "split"
    RETIRED = "retired"


class Change(NamedTuple):
    """A change by its UPRNs before and after.

    Created: none, one. Changed: one, the same. Merged: one or several, one. Split: one, several. Retired: one, none.
    """

    happened: Happened
    before: tuple[int, ...]
    after: tuple[int, ...]
