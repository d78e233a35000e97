"""Builds a complete release: premises in the order of their UPRNs, postcodes, and the search index."""

import gc
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.addresses.domain.addressbase.editions import Edition
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.search.query import Query
from services.addresses.gazetteer.files.postcodes import Postcodes, write_postcodes
from services.addresses.gazetteer.files.premises import PremisesFiles
from services.addresses.gazetteer.files.shipped_sources import SHIPPED_EDITION, Sources
from services.addresses.gazetteer.releases.local import write_by
from services.addresses.gazetteer.releases.manifest import Counts, Manifest, Recipe
from services.addresses.gazetteer.search.candidates import Finder
from services.addresses.gazetteer.search.prefixes import KEPT, write_prefixes
from services.addresses.gazetteer.search.typeahead import Typeahead

from .index import IndexWriter
from .premises import PremisesWriter

_OS_ERROR = re.compile(r"\(os error ([0-9]+)\)")


def build(folder: Path, blpus: Iterable[Blpu], sources: Sources) -> Counts:
    """Write a gazetteer into the empty `folder`. Equal input gives equal bytes with the same versions of SQLite and tantivy.

    Raises ValueError unless `blpus` have ascending, distinct UPRNs, and OSError or sqlite3.Error if the disk rejects a write. Discard the
    folder after an error.
    """
    postcodes, terminated = write_postcodes(folder, sources)
    streets, premises = _write_premises(folder, blpus)
    write_beginnings_of(folder)
    return Counts(postcodes, terminated, streets, premises)


def write_release(
    data_dir: Path, recipe: Recipe, blpus: Iterable[Blpu], sources: Sources, editions: Sequence[Edition] = (SHIPPED_EDITION,)
) -> Manifest:
    """Build a complete release and put it beside the others: see `build` and `write_by`."""
    return write_by(data_dir, recipe, lambda folder: build(folder, blpus, sources), editions)


def _write_premises(folder: Path, blpus: Iterable[Blpu]) -> tuple[int, int]:
    """Write premises and index; return the numbers of streets and premises. Returning frees the buffers, most of the memory."""
    premises = PremisesWriter(folder)
    with os_errors():
        streets = _write_index(folder, blpus, premises)
    return streets, premises.finish()


def _write_index(folder: Path, blpus: Iterable[Blpu], premises: PremisesWriter) -> int:
    index = IndexWriter(folder)
    with without_collecting():
        for blpu in blpus:
            premises.add(blpu)
            index.add(blpu)
    return index.finish()


@contextmanager
def os_errors() -> Iterator[None]:
    """Raise OSError for a disk error, which tantivy reports as ValueError."""
    try:
        yield
    except ValueError as error:
        if found := _OS_ERROR.search(str(error)):
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from error
        raise


@contextmanager
def without_collecting() -> Iterator[None]:
    """Disable garbage collection: records hold no cycles, and searching millions of texts for some takes a sixth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def write_beginnings_of(folder: Path) -> None:
    """Search the release, complete but for its prefixes, for each short prefix and write the results."""
    postcodes, premises = Postcodes(folder), PremisesFiles(folder)
    finder = Finder(folder, premises, postcodes.outwards)
    typeahead = Typeahead(finder, premises, postcodes)
    write_prefixes(
        folder, finder.vocabulary.in_use, lambda begun: typeahead.by_words(Query.parse(begun, postcodes.outwards), KEPT, None).rows
    )
    postcodes.close()
