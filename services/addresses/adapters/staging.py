"""What imported files said, in SQLite, until a release is made of it: `rows.sqlite3` as it was read, `Stage` by UPRN.

Rows go in with the progress through their file in one transaction, so that whoever is killed goes on where the last one ended. The
stage holds under each UPRN (minus the USRN for a street, so that streets come first) the parts that stand after all rows: files apply in
their order, the rows of one by PRO_ORDER or as they come, a later row of the same part takes the place of an earlier one. A change-only
update is a layer over the stage of the release that it changes (`layers`).
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, Self

from services.addresses.domain.incoming import Incoming, Op

from .layers import FIELD, LOWEST, PART, SCHEMA, Layers

_KEYS_A_COMMIT = 10_000
_BEFORE_ALL = -(1 << 62)
_ROWS = """
CREATE TABLE IF NOT EXISTS incoming (
    seq INTEGER PRIMARY KEY, key INTEGER NOT NULL, file INTEGER NOT NULL, place INTEGER NOT NULL, op TEXT NOT NULL, said TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS bad_row (file INTEGER NOT NULL, line INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS progress (
    file INTEGER PRIMARY KEY, line INTEGER NOT NULL, done INTEGER NOT NULL, volume INTEGER, next_volume INTEGER, change_only INTEGER
);
CREATE TABLE IF NOT EXISTS op (op TEXT PRIMARY KEY, rows INTEGER NOT NULL);
"""


class Progress(NamedTuple):
    """How far a file has been read into the rows."""

    line: int = 0
    """The last line that is in."""
    done: bool = False
    volume: int | None = None
    """Of a supply in several volumes: its number, and that of the next, 0 where it is the last. None: the format does not say."""
    next_volume: int | None = None
    change_only: bool | None = None
    """Whether the file says of itself that it holds changes only."""


class BadRow(NamedTuple):
    """A row that cannot be used: the number of its file, its line from 1, and why."""

    file: int
    line: int
    reason: str


class Rows:
    """`rows.sqlite3`, for one process at a time. Every method may raise sqlite3.Error where the disk does not take it."""

    def __init__(self, folder: Path) -> None:
        self._connection = _opened(folder / "rows.sqlite3", _ROWS)

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, file: int, rows: Iterable[Incoming], bad: Iterable[BadRow], progress: Progress) -> None:
        """Keep what was read of a file with how far that was: all of it or nothing."""
        counts = dict.fromkeys(Op, 0)

        def counted() -> Iterator[tuple[int, int, int, str, str]]:
            for row in rows:
                counts[row.op] += 1
                yield row.key, file, row.order, row.op, FIELD.join((row.part, *row.fields))

        with self._connection as transaction:
            transaction.executemany("INSERT INTO incoming (key, file, place, op, said) VALUES (?, ?, ?, ?, ?)", counted())
            transaction.executemany("INSERT INTO bad_row VALUES (?, ?, ?)", bad)
            transaction.execute("INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?, ?)", (file, *progress))
            transaction.executemany(
                "INSERT INTO op VALUES (?, ?) ON CONFLICT (op) DO UPDATE SET rows = rows + excluded.rows",
                ((op, count) for op, count in counts.items() if count),
            )

    def shrink(self) -> None:
        """Give back the memory that reading and writing took."""
        _shrink(self._connection)

    def progress(self, file: int) -> Progress:
        """How far a file has been read."""
        row = self._connection.execute(f"{_PROGRESS} WHERE file = ?", (file,)).fetchone()
        return _progress(row) if row else Progress()

    def files(self) -> list[Progress]:
        """How far each has been read, in their order."""
        return [_progress(row) for row in self._connection.execute(f"{_PROGRESS} ORDER BY file")]

    def counts(self) -> Mapping[Op, int]:
        """How many rows insert, update, delete."""
        return {Op(op): rows for op, rows in self._connection.execute("SELECT op, rows FROM op")}

    def lines(self) -> int:
        """How many lines of all files have been read."""
        return int(self._connection.execute("SELECT coalesce(sum(line), 0) FROM progress").fetchone()[0])

    def count_bad(self) -> int:
        """How many rows could not be used."""
        return int(self._connection.execute("SELECT count(*) FROM bad_row").fetchone()[0])

    def bad(self, limit: int = -1) -> Iterator[BadRow]:
        """Those rows in the order of files and lines."""
        return map(BadRow._make, self._connection.execute("SELECT * FROM bad_row ORDER BY file, line LIMIT ?", (limit,)))

    def by_key(self, after: int) -> Iterator[tuple[int, list[tuple[str, str]]]]:
        """Keys above `after` in their order, each with what was said of it (operation, part with its fields) as it applies."""
        found = self._connection.execute("SELECT key, op, said FROM incoming WHERE key > ? ORDER BY key, file, place, seq", (after,))
        for key, rows in groupby(found, key=itemgetter(0)):
            yield key, [row[1:] for row in rows]


class Stage:
    """A stage that is being written, for one process at a time. Every method may raise sqlite3.Error where the disk does not take it."""

    FULL, CHANGES = LOWEST, "changes.sqlite3"
    """The file of a full supply, and that of an update, in the folder of their import."""

    def __init__(self, folder: Path, below: Layers | None = None) -> None:
        """An update is kept over what is `below`: only the keys that it changes."""
        self.path = folder / (self.CHANGES if below else self.FULL)
        self._below = below
        self._connection = _opened(self.path, SCHEMA)

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def shrink(self) -> None:
        """Give back the memory that reading and writing took."""
        _shrink(self._connection)

    def apply(self, rows: Rows) -> Iterator[int]:
        """Apply all rows, going on after the last keys that were committed; yields how many rows are done, now and then."""
        found, count = rows.by_key(self._applied()[0]), 0
        while batch := list(islice(found, _KEYS_A_COMMIT)):
            with self._connection as transaction:
                unheld = self.unheld + sum(self._apply(key, said) for key, said in batch)
                transaction.execute("DELETE FROM applied")
                transaction.execute("INSERT INTO applied VALUES (?, ?)", (batch[-1][0], unheld))
            count += sum(len(said) for _, said in batch)
            yield count

    def _apply(self, key: int, said: list[tuple[str, str]]) -> int:
        """Change what is held under a key; how many deletions were of what is not held."""
        below = self._below.text(key) if self._below else ""
        row = self._connection.execute("SELECT parts FROM held WHERE key = ?", (key,)).fetchone()
        before = row[0] if row else below
        held = {part.partition(FIELD)[0]: part for part in before.split(PART)} if before else {}
        unheld = 0
        for op, part in said:
            name = part.partition(FIELD)[0]
            if op != Op.DELETE:
                held[name] = part
            elif held.pop(name, None) is None:
                unheld += 1
        after = PART.join(held[name] for name in sorted(held))
        if after != below:
            self._connection.execute("INSERT OR REPLACE INTO held VALUES (?, ?)", (key, after))
        elif row:
            self._connection.execute("DELETE FROM held WHERE key = ?", (key,))
        return unheld

    def note_files(self, hashes: Iterable[str]) -> None:
        """Remember which files have been applied."""
        with self._connection as transaction:
            transaction.executemany("INSERT OR IGNORE INTO file VALUES (?)", ((each,) for each in hashes))

    @property
    def unheld(self) -> int:
        """How many of the deletions that were applied were of what was not held."""
        return self._applied()[1]

    def _applied(self) -> tuple[int, int]:
        return self._connection.execute("SELECT key, unheld FROM applied").fetchone() or (_BEFORE_ALL, 0)

    def changed(self) -> list[int]:
        """The keys that the file holds, in their order: of an update those that are otherwise than below."""
        return [key for (key,) in self._connection.execute("SELECT key FROM held ORDER BY key")]


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
    """SQLite sorts what is larger than memory in files of `folder`, not in the system's temporary folder, which may be small."""
    before = os.environ.get("SQLITE_TMPDIR")
    os.environ["SQLITE_TMPDIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("SQLITE_TMPDIR")
        else:
            os.environ["SQLITE_TMPDIR"] = before
