"""What is different between two releases of the gazetteer."""

from enum import StrEnum
from typing import NamedTuple


class Happened(StrEnum):
    """What became of addresses from one release to the next."""

    CREATED = "created"
    CHANGED = "changed"
    MERGED = "merged"
    SPLIT = "split"
    RETIRED = "retired"


class Change(NamedTuple):
    """UPRNs before and after: none and one were created, one and the same changed, several and one merged, one and several split, one and
    none retired."""

    happened: Happened
    before: tuple[int, ...]
    after: tuple[int, ...]
