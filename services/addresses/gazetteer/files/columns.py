"""Columns and dictionaries of a release: written once, then mapped into memory, so that processes share the pages."""

import json
from collections.abc import Iterable
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
ENTRIES_KEPT_DECODED = 20_000
"""Decoded entries that each dictionary caches; decoding one takes a microsecond or two."""


def write_column(path: Path, values: Iterable[Any] | NDArray[Any], dtype: str) -> None:
    """Write numbers in NumPy's `.npy` format, which names their type and length."""
    column = np.ascontiguousarray(np.asarray(values, dtype=dtype))
    with path.open("wb") as file:
        np.save(file, column, allow_pickle=False)


def open_column(path: Path) -> NDArray[Any]:
    """Map a column into memory. Raises OSError or ValueError where the file is not a column."""
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped.view(np.ndarray)  # type: ignore[no-any-return]  # an element of a memmap costs ten times as much


def elements(column: NDArray[Any]) -> "memoryview[Any]":
    """View a column as a memoryview, which returns one element in a third of the time that an array takes."""
    return memoryview(column)  # type: ignore[arg-type]  # an array is a buffer, which NumPy's types only say for Python 3.12


def map_file(path: Path) -> mmap | bytes:
    """Map a file into memory; an empty file, which mmap refuses, gives `b""`."""
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ) if path.stat().st_size else b""


def write_texts(path: Path, texts: Iterable[str]) -> None:
    """Write numbered texts: their count (uint32), the end of each (uint32 each), then their UTF-8."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.uint32)
    with path.open("wb") as file:
        file.write(np.uint32(len(encoded)).tobytes())
        file.write(ends.tobytes())
        file.writelines(encoded)


def write_tuples(path: Path, values: Iterable[tuple[Any, ...]]) -> None:
    """Write numbered tuples of texts, numbers and None."""
    write_texts(path, (json.dumps(value, separators=(",", ":"), ensure_ascii=False) for value in values))


class Texts:
    """Numbered texts, mapped into memory. `texts[3]` is the fourth; raises IndexError for a number that does not exist."""

    def __init__(self, path: Path) -> None:
        mapped = memoryview(map_file(path))
        count = int(mapped[:4].cast("I")[0])
        self._first = 4 + 4 * count
        self._ends = mapped[4 : self._first].cast("I")
        self._texts = mapped[self._first :]

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        ends = self._ends
        return str(self._texts[ends[number - 1] if number else 0 : ends[number]], "utf-8", "surrogatepass")


class Tuples:
    """Numbered tuples, stored as JSON in a `Texts`. Nested lists become tuples."""

    def __init__(self, path: Path) -> None:
        texts = Texts(path)
        self.get = lru_cache(ENTRIES_KEPT_DECODED)(lambda number: tuples(json.loads(texts[number])))


def tuples(value: Any) -> Any:
    """Convert lists, nested ones too, to tuples."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


class _Numbers(dict[Any, int]):
    def __missing__(self, value: Any) -> int:
        number = self[value] = len(self)
        return number


class Numbered:
    """Numbers distinct values in order of first use while a release is written; `numbers` becomes its dictionary."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = _Numbers()
        self.of = self.numbers.__getitem__
        """Returns the value's number, assigning the next one to a new value."""
