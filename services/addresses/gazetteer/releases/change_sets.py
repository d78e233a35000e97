"""Change sets: the changes of each activation, in `<data dir>/changes/000001` and so on, in the order of activations.

`prepare` writes a change set before the activation, and `number_prepared` numbers it afterwards: a number always means a completed
activation. After a kill in between, the next `number_prepared` completes it. The first line of a file names both releases; each further
line is a batch of at most `BATCH` changes of one kind.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path

from services.addresses.domain.releases.changes import Change, Happened

BATCH = 1_000
"""Most changes of a batch; an event of 1,000 UPRNs has about 20 kB."""
_PREPARED = ".prepared"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """The changes of one activation."""

    number: int
    """Counts the activations of this data dir that had changes, from 1."""
    before: str
    """Release that was live before."""
    after: str
    """Release that became live."""
    path: Path

    def batches(self, skip: int = 0) -> Iterator[list[Change]]:
        """Yield the batches in order, without the first `skip`; all changes of a batch are of one kind."""
        with self.path.open(encoding="utf-8") as lines:
            for line in islice(lines, 1 + skip, None):
                batch = json.loads(line)
                happened = Happened(batch["happened"])
                yield [Change(happened, tuple(before), tuple(after)) for before, after in batch["changes"]]


def prepare(data_dir: Path, before: str, after: str, changes: Iterable[Change]) -> Path:
    """Write the changes of the next activation and return the file. Hold `local.data_dir_lock` until `number_prepared`. Raises OSError."""
    folder = data_dir / "changes"
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{_PREPARED}.part"
    with aside.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"before": before, "after": after}) + "\n")
        for happened, alike in groupby(changes, key=attrgetter("happened")):
            while batch := [change[1:] for change in islice(alike, BATCH)]:
                file.write(json.dumps({"happened": happened, "changes": batch}, separators=(",", ":")) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return aside.replace(folder / _PREPARED)


def number_prepared(data_dir: Path, live: str) -> ChangeSet | None:
    """Number the prepared change set if it leads to `live`; remove it if it does not. Hold `local.data_dir_lock`."""
    prepared = data_dir / "changes" / _PREPARED
    try:
        before, after = _ends(prepared)
    except (FileNotFoundError, ValueError, KeyError):
        return None
    if after != live:
        prepared.unlink()
        return None
    number = max((each.number for each in change_sets(data_dir)), default=0) + 1
    path = prepared.with_name(f"{number:06d}")
    prepared.replace(path)
    return ChangeSet(number, before, after, path)


def change_sets(data_dir: Path, after_number: int = 0) -> list[ChangeSet]:
    """Return the change sets numbered above `after_number`, in order."""
    found = []
    for path in sorted((data_dir / "changes").glob("[0-9]*")):
        if int(path.name) > after_number:
            with suppress(FileNotFoundError):
                found.append(ChangeSet(int(path.name), *_ends(path), path))
    return found


def _ends(path: Path) -> tuple[str, str]:
    with path.open(encoding="utf-8") as lines:
        first = json.loads(lines.readline())
    return first["before"], first["after"]
