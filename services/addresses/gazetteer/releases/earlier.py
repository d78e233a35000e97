"""Earlier releases on disk, opened on demand to show an address as it was."""

import asyncio
from collections import OrderedDict
from pathlib import Path

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.gazetteer.files.premises import PremisesFiles

from .integrity import checked
from .manifest import DamagedReleaseError

MOST_OPEN = 3


class EarlierRelease:
    """The premises of one earlier release. Memory stays small because the files are mapped."""

    def __init__(self, folder: Path) -> None:
        self._premises = PremisesFiles(folder)

    def record(self, uprn: int) -> Blpu | None:
        """Return the record of a UPRN, or None."""
        row = self._premises.row(uprn)
        return None if row is None else self._premises.record(row)

    def children(self, uprn: int) -> list[int]:
        """Return the UPRNs of a shell's children, in the order of their addresses."""
        return self._premises.uprns[self._premises.children(uprn)].tolist()  # type: ignore[no-any-return]

    def predecessors(self, uprn: int) -> list[int]:
        """Return the UPRNs that this one succeeded, ascending."""
        return self._premises.predecessors(uprn).tolist()  # type: ignore[no-any-return]


class EarlierReleases:
    """The earlier releases of a data dir; keeps the `MOST_OPEN` most recently used ones open."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._open: OrderedDict[str, EarlierRelease] = OrderedDict()

    async def get(self, release: str) -> EarlierRelease | None:
        """Open a release. Returns None if it was removed, is damaged, or has another format version."""
        opened = self._open.get(release)
        if opened is None:
            try:
                folder, _ = await asyncio.to_thread(checked, self._data_dir, release)
                opened = await asyncio.to_thread(EarlierRelease, folder)
            except (OSError, ValueError, DamagedReleaseError):
                return None
        self._open[release] = opened
        self._open.move_to_end(release)
        while len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        return opened
