"""The rows that a release was made from, in layers: a complete file, and one per update with the keys that it changed.

The layers of a release are `stage.sqlite3`, `changes_0001.sqlite3` and so on, the latest on top; consecutive releases share them by hard
links. The uppermost layer that has a key decides its value; an empty text marks a deleted key.
"""

import heapq
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Self

from services.addresses.gazetteer.files.atomic import share_file

Parts = dict[str, tuple[str, ...]]
"""Fields of a key, by part."""
FIELD, PART = "\x1f", "\x1e"
"""Separators of fields and of parts: control characters, which no row may contain."""
LOWEST, CHANGES = "stage.sqlite3", "changes_[0-9]*.sqlite3"
_ASSEMBLED = "assembled.json"
SCHEMA = """
CREATE TABLE IF NOT EXISTS held (key INTEGER PRIMARY KEY, parts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS applied (key INTEGER NOT NULL, unheld INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS file (sha256 TEXT PRIMARY KEY);
"""


class Assembled(NamedTuple):
    """How an import assembled the premises of a stage."""

    wards: str
    """SHA-256 of the wards file that placed premises whose custodian is no borough."""
    incomplete: frozenset[int]
    """UPRNs left out because their rows do not fit together; a further row, also one of a street, may complete them."""


class Layers:
    """Reads the layers of one release. Every method may raise sqlite3.Error."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the layers; `paths` from the lowest to the latest."""
        self.paths = tuple(paths)
        self._connections = [_opened(path) for path in reversed(self.paths)]

    def close(self) -> None:
        """Close the files."""
        for connection in self._connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def text(self, key: int) -> str:
        """Return the stored text of a key, empty if the key is not held."""
        for connection in self._connections:
            if row := connection.execute("SELECT parts FROM held WHERE key = ?", (key,)).fetchone():
                return str(row[0])
        return ""

    def parts(self, key: int) -> Parts:
        """Return the parts of a key, empty if the key is not held."""
        return parts_of(self.text(key))

    def premises(self) -> Iterator[tuple[int, Parts]]:
        """Yield every held UPRN with its parts, ascending."""
        for key, text in self._texts("parts"):
            yield key, parts_of(text)

    def count(self) -> int:
        """Return the number of held UPRNs."""
        if len(self._connections) == 1:
            return int(self._connections[0].execute("SELECT count(*) FROM held WHERE key >= 0").fetchone()[0])
        return sum(1 for _ in self._texts("substr(parts, 1, 1)"))

    def _texts(self, what: str) -> Iterator[tuple[int, str]]:
        """Yield an SQL expression over the text of every held UPRN, ascending."""
        last = -1
        asked = f"SELECT key, ?, {what} FROM held WHERE key >= 0 ORDER BY key"  # noqa: S608 (both are ours)
        found = (connection.execute(asked, (layer,)) for layer, connection in enumerate(self._connections))
        for key, _, text in heapq.merge(*found):
            if key != last and text:
                yield key, text
            last = key

    def files(self) -> set[str]:
        """Return the SHA-256 of every file applied since the stage began."""
        return {row[0] for connection in self._connections for row in connection.execute("SELECT sha256 FROM file")}


def layers_in(folder: Path) -> list[Path]:
    """Return the layers of a stage, the lowest first; none if the lowest is missing."""
    lowest = folder / LOWEST
    return [lowest, *sorted(folder.glob(CHANGES))] if lowest.exists() else []


def link_layers(layers: Iterable[Path], top: Path | None, folder: Path) -> None:
    """Put layers into a release's folder: links the lower ones, and moves `top` above them.

    The lowest comes last, so that a stage with a lowest layer is complete.
    """
    shared = list(layers)
    folder.mkdir(parents=True, exist_ok=True)
    if top:
        top.replace(folder / (f"changes_{len(shared):04d}.sqlite3" if shared else LOWEST))
    for path in reversed(shared):
        if not (folder / path.name).exists():
            share_file(folder / path.name, path)


def copy_stage(before: Path, after: Path) -> None:
    """Link the stage of a release to another one with the same premises."""
    if (noted := assembled_in(before)) and not assembled_in(after):
        note_assembled(after, noted)
    link_layers(layers_in(before), None, after)


def compact_layers(layers: Sequence[Path], final: Path) -> None:
    """Merge all layers into one file atomically; an existing file stays."""
    if final.exists():
        return
    aside = final.with_name(f"{final.name}.part")
    shutil.copyfile(layers[0], aside)
    with closing(sqlite3.connect(aside)) as connection:
        connection.executescript("PRAGMA journal_mode = TRUNCATE; PRAGMA cache_size = -131072;")
        connection.executescript(SCHEMA)
        for layer in layers[1:]:
            connection.execute("ATTACH ? AS layer", (str(layer),))
            with connection as transaction:
                transaction.execute("INSERT OR REPLACE INTO held SELECT key, parts FROM layer.held WHERE parts != ''")
                transaction.execute("DELETE FROM held WHERE key IN (SELECT key FROM layer.held WHERE parts = '')")
                transaction.execute("INSERT OR IGNORE INTO file SELECT sha256 FROM layer.file")
            connection.execute("DETACH layer")
        with connection as transaction:
            transaction.execute("DELETE FROM applied")
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(final)


def note_assembled(folder: Path, assembled: Assembled) -> None:
    """Write how the premises were assembled, beside the layers."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{_ASSEMBLED}.part"
    aside.write_text(json.dumps([assembled.wards, sorted(assembled.incomplete)]), encoding="utf-8")
    aside.replace(folder / _ASSEMBLED)


def assembled_in(folder: Path) -> Assembled | None:
    """Return how the premises of a release were assembled; None if that was not noted."""
    try:
        wards, incomplete = json.loads((folder / _ASSEMBLED).read_bytes())
    except (OSError, ValueError):
        return None
    return Assembled(wards, frozenset(incomplete))


def parts_of(text: str) -> Parts:
    """Parse the stored text of a key into its parts."""
    return {name: tuple(fields) for name, *fields in (part.split(FIELD) for part in text.split(PART))} if text else {}


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
