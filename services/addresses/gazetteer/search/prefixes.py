"""Precomputed results for the first letters of a word. The build computes them, because the shortest prefixes match the most words."""

from collections.abc import Callable, Iterable
from pathlib import Path

from services.addresses.domain.search.query import Query
from services.addresses.gazetteer.files.name_lists import WordLists, write_word_lists

LETTERS = 3
"""Length of the longest precomputed prefix."""
KEPT = 20
"""Rows of each prefix; a search for more results, or in one borough, uses the index."""
_NAME = "rows_by_beginning"


def prefixes_of(words: Iterable[str]) -> list[str]:
    """Returns the prefixes of one to `LETTERS` letters of the alphabetic words, in order."""
    return sorted({word[:letters] for word in words if word.isalpha() for letters in range(1, LETTERS + 1)})


def write_prefixes(folder: Path, words: Iterable[str], rows_for: Callable[[str], list[int]]) -> None:
    """Writes the rows of each short prefix of the words. `rows_for` searches for a prefix and returns rows, best first."""
    write_word_lists(folder, _NAME, {begun: rows_for(begun)[:KEPT] for begun in prefixes_of(words)})


class Prefixes:
    """The precomputed rows of each short prefix."""

    def __init__(self, folder: Path) -> None:
        self._lists = WordLists(folder, _NAME)

    def rows(self, query: Query, limit: int, borough: str | None) -> list[int] | None:
        """Returns rows of streets and premises, best first; None if the query is not a precomputed prefix."""
        if borough is not None or limit > KEPT or query.partial or query.postcode or len(query.words) != 1:
            return None
        word = query.words[0]
        kept = self._lists.of(word.typed) if word.unfinished and len(word.typed) <= LETTERS else None
        return None if kept is None else kept[:limit].tolist()
