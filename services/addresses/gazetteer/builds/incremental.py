"""Builds a release from the previous one plus changed records; cost is proportional to the change.

Arrays are written anew from the earlier ones; the index keeps its segments. Deleted documents stay in the index until a full build, so each
incremental release is a little larger and slower. `is_worthwhile` decides when a full build is due.
"""

import shutil
from array import array
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from services.addresses.domain.addressbase.fingerprint import fingerprint
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.gazetteer.files.atomic import share_file
from services.addresses.gazetteer.files.columns import Column, open_column
from services.addresses.gazetteer.files.premises import PremisesFiles
from services.addresses.gazetteer.releases.manifest import Counts

from .full import os_errors, without_collecting, write_beginnings_of
from .incremental_index import documents_gone, merge_index, vocabulary_of
from .incremental_premises import FreshPremises, merge_premises
from .incremental_streets import merge_streets, street_of_rows
from .index import IndexWriter
from .splice import Splice

MOST_CHANGED = 0.1
"""Largest share of an index's documents that are deleted or to be deleted; above it a full build is due."""
MOST_LAYERS = 12
"""Most layers of a stage, and so most segments of an index; every query searches each segment."""
_OF_POSTCODES = ("postcodes.sqlite3", "postcodes_*.npy", "outcodes_*.npy")
_FRESH = ".fresh"


def is_worthwhile(base: Path, layers: int, changed: int) -> bool:
    """Return whether `changed` UPRNs merit an incremental build on `base`, not a full one.

    `layers` is the number of layers in the stage of `base`.
    """
    return layers < MOST_LAYERS and documents_gone(base) + changed <= MOST_CHANGED * len(open_column(base / "uprns.npy"))


def on_streets(base: Path, usrns: Iterable[int]) -> Column:
    """Return the UPRNs of a release that have an LPI on one of the streets."""
    wanted = np.array(sorted(usrns), np.uint32)
    if not len(wanted):
        return np.empty(0, np.uint64)
    rows = np.flatnonzero(np.isin(street_of_rows(base), wanted))
    others = open_column(base / "other_street_rows.npy")[np.isin(open_column(base / "other_street_usrns.npy"), wanted)]
    return open_column(base / "uprns.npy")[np.union1d(rows, others).astype(np.int64)]


def merge(folder: Path, base: Path, counted: Counts, changed: Column, blpus: Iterable[Blpu]) -> Counts:
    """Write into the empty `folder` the release in `base`, whose counts are `counted`, with `blpus` in place of `changed`.

    `changed` are UPRNs, `blpus` the records of those that still exist, both in the order of UPRNs. Postcodes stay. Answers equal those of a
    full build, except which of equal results a vague query returns; bytes differ. Raises OSError if the disk rejects a write; discard the
    folder after an error.
    """
    for path in (path for pattern in _OF_POSTCODES for path in base.glob(pattern)):
        share_file(folder / path.name, path)
    written = folder / _FRESH
    written.mkdir()
    with os_errors():
        fresh = _Fresh(base, written)
        with without_collecting():
            for blpu in blpus:
                fresh.add(blpu)
        fresh.index.commit()
    splice = fresh.splice(changed)
    premises = merge_premises(folder, base, splice, fresh.premises)
    merge_index(folder, base, splice, fresh.index, written)
    streets = merge_streets(folder, base, splice, fresh.index.streets)
    shutil.rmtree(written)
    write_beginnings_of(folder)
    return replace(counted, streets=streets, premises=premises)


class _Fresh:
    """The records that differ from the earlier release."""

    def __init__(self, base: Path, written: Path) -> None:
        self._before, self._fingerprints = PremisesFiles(base), open_column(base / "fingerprints.npy")
        self._same = array("Q")
        self.premises = FreshPremises(base)
        self.index = IndexWriter(written, vocabulary_of(base))

    def add(self, blpu: Blpu) -> None:
        """Add a record if it differs from the earlier one."""
        row = self._before.row(blpu.uprn)
        if row is not None and int(self._fingerprints[row]) == fingerprint(blpu):
            self._same.append(row)
            return
        self.premises.add(blpu)
        self.index.add(blpu)

    def splice(self, changed: Column) -> Splice:
        """Return the splice of staying and fresh rows for these changed UPRNs."""
        uprns = self._before.uprns
        gone = np.flatnonzero(np.isin(uprns, changed, assume_unique=True))
        gone = np.setdiff1d(gone, np.array(self._same, np.int64), assume_unique=True)
        return Splice(uprns, gone, np.array(self.premises.gathered.uprns, np.uint64))
