"""Compares the columns of two releases; decodes the records of retired UPRNs only."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from services.addresses.domain.releases.changes import Change
from services.addresses.domain.releases.classify_changes import changes, moved
from services.addresses.gazetteer.files.columns import Column, open_column
from services.addresses.gazetteer.files.premises import HISTORICAL, SHELL, PremisesFiles

_A_PIECE = 100_000


class _Side:
    """One of the two releases."""

    def __init__(self, folder: Path) -> None:
        self.premises = PremisesFiles(folder)
        self.uprns = self.premises.uprns
        self.fingerprints = open_column(folder / "fingerprints.npy")
        self.in_use = (self.premises.marks & HISTORICAL) == 0
        self.shell = (self.premises.marks & SHELL) != 0

    def at(self, uprns: Column) -> tuple[Column, Column]:
        """Return the row of each UPRN and whether the release holds it; the row is meaningless where it does not."""
        if not len(self.uprns):
            return np.zeros(len(uprns), np.intp), np.zeros(len(uprns), bool)
        rows = np.minimum(self.uprns.searchsorted(uprns), len(self.uprns) - 1)
        return rows, self.uprns[rows] == uprns

    def uses(self, uprn: int) -> bool:
        """Return whether the release holds the UPRN and it is not historical."""
        row = self.premises.row(uprn)
        return row is not None and bool(self.in_use[row])

    def children(self, uprn: int) -> list[int]:
        """Return the children of a UPRN that are not historical."""
        rows = self.premises.children(uprn)
        return self.uprns[rows[self.in_use[rows]]].tolist()  # type: ignore[no-any-return]


def differences(before: Path, after: Path) -> Iterator[Change]:
    """Yield the changes from the release in `before` to that in `after`. Memory: 20 bytes per UPRN of both, plus merges and splits."""
    old, new = _Side(before), _Side(after)
    rows, held = new.at(old.uprns)
    used_before, used_after = old.in_use, held & new.in_use[rows] if len(new.uprns) else held
    retired = old.uprns[used_before & ~used_after]
    stayed = used_before & used_after
    row_before, row_after = np.flatnonzero(stayed), rows[stayed]
    differs = old.fingerprints[row_before] != new.fingerprints[row_after]
    was_shell, is_shell = old.shell[row_before], new.shell[row_after]
    rows, held = old.at(new.uprns)
    known = held & old.in_use[rows] if len(old.uprns) else held
    by_others = moved(
        _successors(old, new, retired),
        _of_shells(new, old, new.uprns[row_after[is_shell & ~was_shell]]),
        _of_shells(old, new, old.uprns[row_before[was_shell & ~is_shell]]),
        old.uses,
    )
    yield from changes(_numbers(new.uprns[new.in_use & ~known]), _numbers(old.uprns[row_before[differs]]), _numbers(retired), by_others)


def _successors(old: _Side, new: _Side, retired: Column) -> dict[int, tuple[int, ...]]:
    """Return the successors in use of each retired UPRN, from the new release, or from the old one if the new one lacks the UPRN."""
    found = {}
    for uprn in _numbers(retired):
        row = new.premises.row(uprn)
        record = new.premises.record(row) if row is not None else old.premises.record(old.premises.row(uprn) or 0)
        if after := tuple(successor for successor in record.successors if successor != uprn and new.uses(successor)):
            found[uprn] = after
    return found


def _of_shells(with_children: _Side, without: _Side, shells: Column) -> dict[int, tuple[int, ...]]:
    """Return the children of each shell that are in use in one release and not in the other."""
    return {uprn: tuple(child for child in with_children.children(uprn) if not without.uses(child)) for uprn in _numbers(shells)}


def _numbers(uprns: Column) -> Iterable[int]:
    """Yield Python integers, converted in batches."""
    for first in range(0, len(uprns), _A_PIECE):
        yield from uprns[first : first + _A_PIECE].tolist()
