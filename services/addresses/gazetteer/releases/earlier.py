"""Releases that were live before and are still on disk, opened when somebody asks what an address was."""

import asyncio
from collections import OrderedDict
from pathlib import Path

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.gazetteer.files.premises import PremisesFiles

from .integrity import checked
from .manifest import DamagedReleaseError

MOST_OPEN = 3


class EarlierRelease:
    """One of them: its premises alone. Files are mapped, so that it costs little memory."""

    def __init__(self, folder: Path) -> None:
        self._premises = PremisesFiles(folder)

    def record(self, uprn: int) -> Blpu | None:
        """What it holds of a UPRN."""
        row = self._premises.row(uprn)
        return None if row is None else self._premises.record(row)

    def children(self, uprn: int) -> list[int]:
        """UPRNs of what a shell was divided into, in the order of their addresses."""
        return self._premises.uprns[self._premises.children(uprn)].tolist()  # type: ignore[no-any-return]

    def predecessors(self, uprn: int) -> list[int]:
        """UPRNs whose place this one took, ascending."""
        return self._premises.predecessors(uprn).tolist()  # type: ignore[no-any-return]


class EarlierReleases:
    """Those of a data dir; the ones that were asked last stay open."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._open: OrderedDict[str, EarlierRelease] = OrderedDict()

    async def get(self, release: str) -> EarlierRelease | None:
        """None where it is no longer kept, is damaged, or is of another version of the format."""
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
