"""Write what finds addresses: the tantivy index, the vocabulary with its index of rests, each record's tokens, buildings, streets."""

import json
from array import array
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import numpy as np
import tantivy

from services.addresses.domain.comparing import CONTEXT, OPTIONAL, VARIANT
from services.addresses.domain.records import Blpu
from services.addresses.domain.searchable import Searchable, searchable
from services.addresses.domain.text import tokens
from services.addresses.domain.vocabulary import most_errors, rests

from .streets import StreetsWriter
from .tables import write_column, write_texts
from .word_lists import write_word_lists

INDEX = "index"
FIRST_TOKEN = 4
"""The code point that stands for the first token of the vocabulary."""
SAMPLED = 64
"""One in so many records is also in the field that vague queries ask."""
WRITER_MEMORY = 400_000_000
"""Bytes that tantivy may fill before it writes a segment."""


def schema() -> tantivy.Schema:
    """The fields. Nothing is stored: `row` is a column, by which a hit is found in the release's other files."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", fast=True)
    for name in ("words", "few", "area"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    return builder.build()


class _Codes(dict[str, str]):
    """The code of each token, the next for one that is new."""

    def __missing__(self, token: str) -> str:
        code = self[token] = chr(FIRST_TOKEN + len(self))
        return code


class IndexWriter:
    """Indexes records in the order they come. `finish` writes the streets, the vocabulary and the columns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / INDEX).mkdir()
        index = tantivy.Index(schema(), path=str(folder / INDEX))
        self._writer = index.writer(heap_size=WRITER_MEMORY, num_threads=1)
        self._tokens = (folder / "tokens").open("wb")
        self._written, self._ends = 0, array("Q", [0])
        self._vocabulary: dict[str, str] = _Codes()
        self._held_by: defaultdict[str, int] = defaultdict(int)
        self._streets = StreetsWriter()
        self._buildings: dict[str, list[int]] = {}

    def add(self, blpu: Blpu) -> None:
        """Index one record. Historical ones are found by `find` alone: their row of tokens says so."""
        found = searchable(blpu)
        row = len(self._ends) - 1
        held = self._row_of_tokens(found)
        self._tokens.write(held)
        self._written += len(held)
        self._ends.append(self._written)
        words = {token for variant in found.variants for token in variant}
        words.update(found.optional)
        held_by = self._held_by
        for word in words:
            held_by[word] += 1
        text = " ".join(words)
        document = tantivy.Document()
        document.add_unsigned("row", row)
        document.add_text("words", text)
        if row % SAMPLED == 0:
            document.add_text("few", text)
        postcode = blpu.postcode
        areas = _areas(postcode)
        document.add_text("area", " ".join((blpu.borough, *areas, *found.context)))
        self._streets.add(blpu, areas)
        if blpu.lpis and blpu.lpis[0].pao_text and not blpu.parent_uprn:
            for word in dict.fromkeys(tokens(blpu.lpis[0].pao_text)):
                self._buildings.setdefault(word, []).append(row)
        self._writer.add_document(document)

    def _row_of_tokens(self, found: Searchable) -> bytes:
        code = self._vocabulary.__getitem__
        text = VARIANT.join(["".join(map(code, variant)) for variant in found.variants])
        if found.optional:
            text += OPTIONAL + "".join(map(code, found.optional))
        if found.context:
            text += CONTEXT + "".join(map(code, found.context))
        return text.encode("utf-8", "surrogatepass")

    def finish(self) -> int:
        """Write the rest; how many streets there are."""
        self._tokens.close()
        write_column(self._folder / "token_ends.npy", self._ends, "<u4" if self._written < 1 << 32 else "<u8")
        streets = self._streets.finish(self._folder)
        write_word_lists(self._folder, "buildings_by_word", self._buildings)
        self._writer.commit()
        self._writer.wait_merging_threads()
        _name_segments(self._folder / INDEX)
        write_vocabulary(self._folder, self._vocabulary, [self._held_by[word] for word in self._vocabulary])
        return streets


def write_vocabulary(folder: Path, vocabulary: Iterable[str], held_by: Iterable[int]) -> None:
    """Write the tokens in the order of their numbers, how many records hold each, and which share a rest."""
    words = list(vocabulary)
    write_texts(folder / "vocabulary", words)
    write_column(folder / "vocabulary_held_by.npy", held_by, "<u4")
    hashes, numbers = array("I"), array("I")
    for number, word in enumerate(words):
        if word.isalpha() and (errors := most_errors(len(word) + 1)):
            for rest in rests(word, errors):
                hashes.append(crc32(rest.encode()))
                numbers.append(number)
    found, of = np.array(hashes, np.uint32), np.array(numbers, np.uint32)
    order = np.lexsort((of, found))
    write_column(folder / "rests.npy", found[order], "<u4")
    write_column(folder / "rests_of.npy", of[order], "<u4")


def _areas(postcode: str) -> tuple[str, ...]:
    """District and sector as tokens: `NW1`, `NW1_1`."""
    return (postcode[:-4], f"{postcode[:-4]}_{postcode[-3]}") if " " in postcode else ()


def _name_segments(index: Path) -> None:
    """Give the segments numbers for their random names, so that the same input makes the same files."""
    meta = (index / "meta.json").read_text(encoding="utf-8")
    managed = json.dumps(sorted(json.loads((index / ".managed.json").read_text(encoding="utf-8"))))
    for lock in index.glob("*.lock"):
        lock.unlink()
    stems = sorted({path.stem for path in index.iterdir() if not path.name.startswith((".", "meta"))})
    order = sorted(stems, key=lambda stem: meta.find(_dashed(stem)))
    for number, stem in enumerate(order, start=1):
        named = f"{number:032x}"
        meta, managed = meta.replace(_dashed(stem), _dashed(named)), managed.replace(stem, named)
        for path in index.glob(f"{stem}.*"):
            path.rename(path.with_name(path.name.replace(stem, named)))
    (index / "meta.json").write_text(meta, encoding="utf-8")
    (index / ".managed.json").write_text(managed, encoding="utf-8")


def _dashed(stem: str) -> str:
    return "-".join((stem[:8], stem[8:12], stem[12:16], stem[16:20], stem[20:]))
