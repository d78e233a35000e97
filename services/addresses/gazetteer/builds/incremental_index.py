"""Builds the index of a release from an earlier one: keeps its segments and adds one for fresh records."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from services.addresses.domain.search.scoring import CONTEXT, OPTIONAL, VARIANT
from services.addresses.gazetteer.files.atomic import share_file
from services.addresses.gazetteer.files.columns import Column, Texts, map_file, open_column, write_column
from services.addresses.gazetteer.files.index_schema import FIRST_TOKEN, INDEX
from services.addresses.gazetteer.files.name_lists import WordLists
from services.addresses.gazetteer.search.documents import GONE, ROWS, rows_of_documents

from .index import IndexWriter, dashed, write_vocabulary
from .splice import Splice, write_spliced_lists

_BETWEEN = frozenset((VARIANT, OPTIONAL, CONTEXT))
_META, _MANAGED = "meta.json", ".managed.json"


def vocabulary_of(base: Path) -> list[str]:
    """Return the tokens of a release, in the order of their numbers."""
    texts = Texts(base / "vocabulary")
    return [texts[number] for number in range(len(texts))]


def documents_gone(base: Path) -> int:
    """Return the number of documents in an index whose records are deleted."""
    return int((rows_of_documents(base) == GONE).sum()) if (base / ROWS).exists() else 0


def merge_index(folder: Path, base: Path, splice: Splice, fresh: IndexWriter, written: Path) -> None:
    """Write the index of the release without its streets. `fresh` has written its rows into the folder `written`."""
    tokens, ends = memoryview(map_file(base / "tokens")), open_column(base / "token_ends.npy")
    of_fresh = memoryview(map_file(written / "tokens"))
    all_ends = splice.write_bytes(folder / "tokens", tokens, ends, of_fresh, np.array(fresh.ends, np.uint64))
    write_column(folder / "token_ends.npy", all_ends, "<u4" if int(all_ends[-1]) < 1 << 32 else "<u8")
    _write_vocabulary(folder, base, fresh, (str(tokens[int(ends[row]) : int(ends[row + 1])], "utf-8", "surrogatepass")
                                            for row in np.flatnonzero(~splice.stays).tolist()))  # fmt: skip
    write_spliced_lists(folder, "buildings_by_word", WordLists(base, "buildings_by_word"), splice, fresh.buildings)
    write_column(folder / ROWS, _rows(base, splice, written), "<u4")
    _join(folder / INDEX, base / INDEX, written / INDEX)


def _write_vocabulary(folder: Path, base: Path, fresh: IndexWriter, rows_gone: Iterable[str]) -> None:
    words = list(fresh.vocabulary)
    counted = []
    for name, gained in (("held_by", fresh.document_frequency), ("in_context", fresh.in_context)):
        before = open_column(base / f"vocabulary_{name}.npy").tolist()
        before += [0] * (len(words) - len(before))
        counted.append([count + gained.get(word, 0) for word, count in zip(words, before, strict=True)])
    lost_words, lost_context = Counter[str](), Counter[str]()
    for row in rows_gone:
        said, _, context = row.partition(CONTEXT)
        lost_words.update(set(said) - _BETWEEN)
        lost_context.update(set(context))
    for counts, lost in zip(counted, (lost_words, lost_context), strict=True):
        for code, count in lost.items():
            counts[ord(code) - FIRST_TOKEN] -= count
    write_vocabulary(folder, words, *counted)


def _rows(base: Path, splice: Splice, written: Path) -> Column:
    """Return the row of each document: of the earlier segments, then of the new one."""
    before = rows_of_documents(base)
    has_row = before != GONE
    now = np.full(len(before), GONE, np.uint32)
    now[has_row] = splice.row_of[before[has_row]]
    return np.concatenate([now, splice.fresh_rows[rows_of_documents(written)]])


def _join(folder: Path, earlier: Path, later: Path) -> None:
    """Join the segments of two indexes, the earlier one's by hard links; the later one's are numbered after them."""
    folder.mkdir()
    meta, added = (json.loads((index / _META).read_bytes()) for index in (earlier, later))
    names = _files(earlier)
    for name in names:
        share_file(folder / name, earlier / name)
    number = max((int(name.partition(".")[0], 16) for name in names), default=0)
    for segment in added["segments"]:
        number += 1
        stem = segment["segment_id"].replace("-", "")
        for path in later.glob(f"{stem}.*"):
            named = path.name.replace(stem, f"{number:032x}")
            path.rename(folder / named)
            names.append(named)
        segment["segment_id"] = dashed(f"{number:032x}")
    meta["segments"] += added["segments"]
    (folder / _META).write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    (folder / _MANAGED).write_text(json.dumps(sorted([*names, _META])), encoding="utf-8")


def _files(index: Path) -> list[str]:
    return sorted(path.name for path in index.iterdir() if not path.name.startswith((".", "meta")))
