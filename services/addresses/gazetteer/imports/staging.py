"""SQLite databases of an import: `Rows` in the order of reading (`rows.sqlite3`), and `Stage` by UPRN.

One transaction commits rows and the progress through their file, so a killed import resumes after its last commit. The stage holds, under
each UPRN, the parts that remain after all rows. The key of a street is minus its USRN, so streets come first. Files apply in their order;
rows of one file apply by PRO_ORDER or in order of appearance. A later row replaces an earlier row of the same part. If the two contradict
each other (`duplicate_rows`), the stage applies neither and both are bad rows. A change-only update is a layer over the stage of the live
release (`stage_layers`).
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, Self

from services.addresses.domain.addressbase.incoming import Incoming, Op
from services.addresses.gazetteer.releases.stage_layers import FIELD, LOWEST, PART, SCHEMA, Layers

from .duplicate_rows import Said, contradicting, is_older

_KEYS_A_COMMIT = 10_000
_BEFORE_ALL = -(1 << 62)
_ROWS = """
CREATE TABLE IF NOT EXISTS incoming (
    seq INTEGER PRIMARY KEY, key INTEGER NOT NULL, file INTEGER NOT NULL, place INTEGER NOT NULL, op TEXT NOT NULL, said TEXT NOT NULL,
    line INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS bad_row (
    file INTEGER NOT NULL, line INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (file, line)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (
    file INTEGER PRIMARY KEY, line INTEGER NOT NULL, done INTEGER NOT NULL, volume INTEGER, next_volume INTEGER, change_only INTEGER
);
CREATE TABLE IF NOT EXISTS op (op TEXT PRIMARY KEY, rows INTEGER NOT NULL);
"""
_OLDER = "CREATE TABLE IF NOT EXISTS older (id INTEGER PRIMARY KEY, rows INTEGER NOT NULL);"


class Progress(NamedTuple):
    """Progress of reading one file into the rows."""

    line: int = 0
    """The last committed line, from 1."""
    done: bool = False
    volume: int | None = None
    """Number of this volume of a supply; None if the format has no volumes."""
    next_volume: int | None = None
    """Number of the next volume, 0 after the last; None if the format has no volumes."""
    change_only: bool | None = None
    """Whether the file's header declares a change-only update; None if the format has no such header."""


class BadRow(NamedTuple):
    """An unusable row: the number of its file from 0, its line from 1, and the reason."""

    file: int
    line: int
    reason: str


class Rows:
    """The database `rows.sqlite3`, for one process at a time. Every method may raise sqlite3.Error when the disk rejects a write."""

    def __init__(self, folder: Path) -> None:
        self._connection = _opened(folder / "rows.sqlite3", _ROWS)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, file: int, rows: Iterable[tuple[int, Incoming]], bad: Iterable[BadRow], progress: Progress) -> None:
        """Commit rows of a file, each with its line number, with bad rows and progress in one transaction."""
        counts = dict.fromkeys(Op, 0)

        def counted() -> Iterator[tuple[int, int, int, str, str, int]]:
            for line, row in rows:
                counts[row.op] += 1
                yield row.key, file, row.order, row.op, FIELD.join((row.part, *row.fields)), line

        with self._connection as transaction:
            transaction.executemany("INSERT INTO incoming (key, file, place, op, said, line) VALUES (?, ?, ?, ?, ?, ?)", counted())
            transaction.executemany(_INSERT_BAD, bad)
            transaction.execute("INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?, ?)", (file, *progress))
            transaction.executemany(
                "INSERT INTO op VALUES (?, ?) ON CONFLICT (op) DO UPDATE SET rows = rows + excluded.rows",
                ((op, count) for op, count in counts.items() if count),
            )

    def add_bad(self, bad: Iterable[BadRow]) -> None:
        """Add bad rows that sorting revealed; a row that is listed already keeps its reason."""
        with self._connection as transaction:
            transaction.executemany(_INSERT_BAD, bad)

    def shrink(self) -> None:
        """Release the memory of SQLite's page cache."""
        _shrink(self._connection)

    def progress(self, file: int) -> Progress:
        """Return the progress of one file."""
        row = self._connection.execute(f"{_PROGRESS} WHERE file = ?", (file,)).fetchone()
        return _progress(row) if row else Progress()

    def files(self) -> list[Progress]:
        """Return the progress of each file, in their order."""
        return [_progress(row) for row in self._connection.execute(f"{_PROGRESS} ORDER BY file")]

    def counts(self) -> Mapping[Op, int]:
        """Count the rows by operation."""
        return {Op(op): rows for op, rows in self._connection.execute("SELECT op, rows FROM op")}

    def lines(self) -> int:
        """Count the lines read from all files."""
        return int(self._connection.execute("SELECT coalesce(sum(line), 0) FROM progress").fetchone()[0])

    def count_bad(self) -> int:
        """Count the bad rows."""
        return int(self._connection.execute("SELECT count(*) FROM bad_row").fetchone()[0])

    def bad(self, limit: int = -1) -> Iterator[BadRow]:
        """Yield the bad rows in the order of files and lines, at most `limit`; -1 means all."""
        return map(BadRow._make, self._connection.execute("SELECT * FROM bad_row ORDER BY file, line LIMIT ?", (limit,)))

    def by_key(self, after: int) -> Iterator[tuple[int, list[Said]]]:
        """Yield the keys above `after` in ascending order, each with its rows in the order in which they apply."""
        found = self._connection.execute(
            "SELECT key, op, said, file, place, line FROM incoming WHERE key > ? ORDER BY key, file, place, seq", (after,)
        )
        for key, rows in groupby(found, key=itemgetter(0)):
            yield key, [Said._make(row[1:]) for row in rows]


class Stage:
    """A stage under construction, for one process at a time. Every method may raise sqlite3.Error when the disk rejects a write."""

    FULL, CHANGES = LOWEST, "changes.sqlite3"
    """File names, in the import's folder, of the stage of a full supply and of an update."""

    def __init__(self, folder: Path, below: Layers | None = None) -> None:
        """Open the stage of a full supply, or of an update that stores only the keys that differ from the layers `below`."""
        self.path = folder / (self.CHANGES if below else self.FULL)
        self._below = below
        self._connection = _opened(self.path, SCHEMA + _OLDER)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def shrink(self) -> None:
        """Release the memory of SQLite's page cache."""
        _shrink(self._connection)

    def apply(self, rows: Rows, names: Sequence[str]) -> Iterator[int]:
        """Apply all rows, resuming after the last committed key; yields the number of rows done after each commit.

        Adds rows that contradict each other to the bad rows, with the file names in `names`.
        """
        found, count = rows.by_key(self._applied()[0]), 0
        while batch := list(islice(found, _KEYS_A_COMMIT)):
            count += sum(len(said) for _, said in batch)
            batch = [(key, self._without_contradicting(key, said, rows, names)) for key, said in batch]
            with self._connection as transaction:
                changes = [self._apply(key, said) for key, said in batch]
                transaction.execute("DELETE FROM applied")
                transaction.execute("INSERT INTO applied VALUES (?, ?)", (batch[-1][0], self.unheld + sum(each.unheld for each in changes)))
                older = self.older + sum(each.older for each in changes)
                transaction.execute("INSERT OR REPLACE INTO older VALUES (1, ?)", (older,))
            yield count

    def _without_contradicting(self, key: int, said: list[Said], rows: Rows, names: Sequence[str]) -> list[Said]:
        if len(said) == 1 or not (against := contradicting(said, full=self._below is None)):
            return said
        what = f"UPRN {key}" if key >= 0 else f"USRN {-key}"
        rows.add_bad(
            BadRow(
                said[at].file, said[at].line, f"{what} is also in line {said[other].line} of {names[said[other].file]}, with other values"
            )
            for at, other in against.items()
        )
        return [row for at, row in enumerate(said) if at not in against]

    def _apply(self, key: int, said: list[Said]) -> "_Changed":
        """Apply the rows of one key to the parts under it."""
        below = self._below.text(key) if self._below else ""
        row = self._connection.execute("SELECT parts FROM held WHERE key = ?", (key,)).fetchone()
        before = row[0] if row else below
        held = {part.partition(FIELD)[0]: part for part in before.split(PART)} if before else {}
        unheld = older = 0
        for row in said:
            name, now = row.part, held.get(row.part)
            if row.op != Op.DELETE:
                older += now is not None and is_older(row.text, now)
                held[name] = row.text
            elif held.pop(name, None) is None:
                unheld += 1
        after = PART.join(held[name] for name in sorted(held))
        if after != below:
            self._connection.execute("INSERT OR REPLACE INTO held VALUES (?, ?)", (key, after))
        elif row:
            self._connection.execute("DELETE FROM held WHERE key = ?", (key,))
        return _Changed(unheld, older)

    def note_files(self, hashes: Iterable[str]) -> None:
        """Record the SHA-256 hashes of the applied files."""
        with self._connection as transaction:
            transaction.executemany("INSERT OR IGNORE INTO file VALUES (?)", ((each,) for each in hashes))

    @property
    def unheld(self) -> int:
        """Number of applied deletions whose record was not there."""
        return self._applied()[1]

    @property
    def older(self) -> int:
        """Number of applied rows with an earlier LAST_UPDATE_DATE than the record that they replaced."""
        row = self._connection.execute("SELECT rows FROM older").fetchone()
        return int(row[0]) if row else 0

    def _applied(self) -> tuple[int, int]:
        return self._connection.execute("SELECT key, unheld FROM applied").fetchone() or (_BEFORE_ALL, 0)

    def changed(self) -> list[int]:
        """List the keys of this file in ascending order; for an update, the keys that differ from the layers below."""
        return [key for (key,) in self._connection.execute("SELECT key FROM held ORDER BY key")]


class _Changed(NamedTuple):
    """Counts from applying the rows of one key."""

    unheld: int
    """Deletions whose record was not there."""
    older: int
    """Rows older than the record that they replaced."""


_INSERT_BAD = "INSERT OR IGNORE INTO bad_row VALUES (?, ?, ?)"
_PROGRESS = "SELECT line, done, volume, next_volume, change_only FROM progress"


def _progress(row: tuple[int, int, int | None, int | None, int | None]) -> Progress:
    line, done, volume, next_volume, change_only = row
    return Progress(line, bool(done), volume, next_volume, None if change_only is None else bool(change_only))


def _opened(path: Path, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode = TRUNCATE; PRAGMA cache_size = -131072; PRAGMA synchronous = FULL;")
    connection.executescript(schema)
    return connection


def _shrink(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA shrink_memory")


@contextmanager
def sorting_in(folder: Path) -> Iterator[None]:
    """Let SQLite put its sort files into `folder`, because the system's temporary folder may be too small."""
    before = os.environ.get("SQLITE_TMPDIR")
    os.environ["SQLITE_TMPDIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("SQLITE_TMPDIR")
        else:
            os.environ["SQLITE_TMPDIR"] = before
