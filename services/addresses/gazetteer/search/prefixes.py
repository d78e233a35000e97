"""What is shown for the first letters of a word: looked for once, when a release is built, for they begin the most words."""

from collections.abc import Callable, Iterable
from pathlib import Path

from services.addresses.domain.search.query import Query
from services.addresses.gazetteer.files.name_lists import WordLists, write_word_lists

LETTERS = 3
"""Beginnings of one to so many letters are kept."""
KEPT = 20
"""Rows of each: who asks for more, or in one borough, is answered by a search."""
_NAME = "rows_by_beginning"


def beginnings_of(words: Iterable[str]) -> list[str]:
    """The short beginnings of words of letters, in order."""
    return sorted({word[:letters] for word in words if word.isalpha() for letters in range(1, LETTERS + 1)})


def write_beginnings(folder: Path, words: Iterable[str], rows_for: Callable[[str], list[int]]) -> None:
    """Keep what a search gives for each short beginning of the words, best first."""
    write_word_lists(folder, _NAME, {begun: rows_for(begun)[:KEPT] for begun in beginnings_of(words)})


class Beginnings:
    """The rows kept for each short beginning."""

    def __init__(self, folder: Path) -> None:
        self._lists = WordLists(folder, _NAME)

    def rows(self, query: Query, limit: int, borough: str | None) -> list[int] | None:
        """Rows of streets and premises, best first; None where the query is not one of them."""
        if borough is not None or limit > KEPT or query.partial or query.postcode or len(query.words) != 1:
            return None
        word = query.words[0]
        kept = self._lists.of(word.typed) if word.unfinished and len(word.typed) <= LETTERS else None
        return None if kept is None else kept[:limit].tolist()
