"""Writes the search index: the tantivy index, the vocabulary, each record's tokens, buildings, streets."""

import json
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import tantivy

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.search.indexed_text import Searchable, searchable
from services.addresses.domain.search.scoring import CONTEXT, OPTIONAL, VARIANT
from services.addresses.domain.search.tokens import tokens
from services.addresses.gazetteer.files.columns import write_column, write_texts
from services.addresses.gazetteer.files.index_schema import FIRST_TOKEN, INDEX, schema
from services.addresses.gazetteer.files.name_lists import write_word_lists
from services.addresses.gazetteer.files.streets import StreetsWriter

SAMPLED = 64
"""One record in this many is also in the field `few`, which vague queries search."""
_SPREAD, _SAMPLED_OF = 0x9E3779B97F4A7C15, 0x10000 // SAMPLED
"""The golden ratio's fraction of 2**64, whose multiples spread evenly (Knuth, 6.4), and the sample's share of 2**16."""
WRITER_MEMORY = 400_000_000
"""Bytes that tantivy buffers before it writes a segment."""


class _Codes(dict[str, str]):
    """The code of each token; a new token gets the next code."""

    def __missing__(self, token: str) -> str:
        code = self[token] = chr(FIRST_TOKEN + len(self))
        return code


class IndexWriter:
    """Indexes records in the order of their rows. `finish` writes the streets, the vocabulary and the columns.

    `vocabulary` are tokens that have numbers already, in order.
    """

    def __init__(self, folder: Path, vocabulary: Iterable[str] = ()) -> None:
        self._folder = folder
        (folder / INDEX).mkdir()
        index = tantivy.Index(schema(), path=str(folder / INDEX))
        self._writer = index.writer(heap_size=WRITER_MEMORY, num_threads=1)
        self._tokens = (folder / "tokens").open("wb")
        self.ends = array("Q", [0])
        """End of each row of tokens."""
        self.vocabulary: dict[str, str] = _Codes()
        """Code of each token, in the order of their numbers."""
        for token in vocabulary:
            self.vocabulary[token]
        self.document_frequency: defaultdict[str, int] = defaultdict(int)
        self.in_context: defaultdict[str, int] = defaultdict(int)
        """Number of records that hold each token, and that have it as context."""
        self.streets = StreetsWriter()
        self.buildings: dict[str, list[int]] = {}
        """Rows of whole buildings by the words of their names."""

    def add(self, blpu: Blpu) -> None:
        """Index one record. Only `find` finds a historical one; its row of tokens marks it."""
        found = searchable(blpu)
        row = len(self.ends) - 1
        record_tokens = self._row_of_tokens(found)
        self._tokens.write(record_tokens)
        self.ends.append(self.ends[-1] + len(record_tokens))
        words = {token for variant in found.variants for token in variant}
        words.update(found.optional)
        document_frequency = self.document_frequency
        for word in words:
            document_frequency[word] += 1
        for word in found.context:
            self.in_context[word] += 1
        text = " ".join(words)
        document = tantivy.Document()
        document.add_unsigned("row", row)
        document.add_text("words", text)
        if is_sampled(blpu.uprn):
            document.add_text("few", text)
        postcode = blpu.postcode
        areas = areas_of(postcode)
        document.add_text("area", " ".join((blpu.borough, *areas, *found.context)))
        self.streets.add(blpu, areas)
        if blpu.lpis and blpu.lpis[0].pao_text and not blpu.parent_uprn:
            for word in dict.fromkeys(tokens(blpu.lpis[0].pao_text)):
                self.buildings.setdefault(word, []).append(row)
        self._writer.add_document(document)

    def _row_of_tokens(self, found: Searchable) -> bytes:
        code = self.vocabulary.__getitem__
        text = VARIANT.join(["".join(map(code, variant)) for variant in found.variants])
        if found.optional:
            text += OPTIONAL + "".join(map(code, found.optional))
        if found.context:
            text += CONTEXT + "".join(map(code, found.context))
        return text.encode("utf-8", "surrogatepass")

    def finish(self) -> int:
        """Write the remaining files; return the number of streets."""
        self.commit()
        write_column(self._folder / "token_ends.npy", self.ends, "<u4" if self.ends[-1] < 1 << 32 else "<u8")
        streets = self.streets.finish(self._folder)
        write_word_lists(self._folder, "buildings_by_word", self.buildings)
        words = list(self.vocabulary)
        write_vocabulary(self._folder, words, [self.document_frequency[word] for word in words], [self.in_context[word] for word in words])
        return streets

    def commit(self) -> None:
        """Write only the index and the rows of tokens."""
        self._tokens.close()
        self._writer.commit()
        self._writer.wait_merging_threads()
        _name_segments(self._folder / INDEX)


def is_sampled(uprn: int) -> bool:
    """Return whether a record is in the sample of one in `SAMPLED`: deterministic, and spread evenly over UPRNs."""
    return uprn * _SPREAD >> 48 & 0xFFFF < _SAMPLED_OF


def write_vocabulary(folder: Path, words: Sequence[str], document_frequency: Sequence[int], in_context: Sequence[int]) -> None:
    """Write the tokens in the order of their numbers, and the number of records that hold each or have it as context.

    A token that no record holds any more keeps its number and is never found.
    """
    write_texts(folder / "vocabulary", words)
    write_column(folder / "vocabulary_held_by.npy", document_frequency, "<u4")
    write_column(folder / "vocabulary_in_context.npy", in_context, "<u4")


def areas_of(postcode: str) -> tuple[str, ...]:
    """Return a postcode's district and sector as tokens: `NW1`, `NW1_1`; none for an incomplete postcode."""
    return (postcode[:-4], f"{postcode[:-4]}_{postcode[-3]}") if " " in postcode else ()


def _name_segments(index: Path) -> None:
    """Replace the segments' random names by numbers, so that equal input makes equal files."""
    meta = (index / "meta.json").read_text(encoding="utf-8")
    managed = json.dumps(sorted(json.loads((index / ".managed.json").read_text(encoding="utf-8"))))
    for lock in index.glob("*.lock"):
        lock.unlink()
    stems = sorted({path.stem for path in index.iterdir() if not path.name.startswith((".", "meta"))})
    order = sorted(stems, key=lambda stem: meta.find(dashed(stem)))
    for number, stem in enumerate(order, start=1):
        named = f"{number:032x}"
        meta, managed = meta.replace(dashed(stem), dashed(named)), managed.replace(stem, named)
        for path in index.glob(f"{stem}.*"):
            path.rename(path.with_name(path.name.replace(stem, named)))
    (index / "meta.json").write_text(meta, encoding="utf-8")
    (index / ".managed.json").write_text(managed, encoding="utf-8")


def dashed(stem: str) -> str:
    """Return the form in which `meta.json` names a segment."""
    return "-".join((stem[:8], stem[8:12], stem[12:16], stem[16:20], stem[20:]))
