"""More of a true address never hides it: for premises of whole releases, each longer beginning of the line that is shown for them.

Which premises are tried comes from a seed, and how many from a time budget; the test prints how many there were.
"""

import random
import time
from functools import lru_cache

import pytest

from services.addresses.domain.search.indexed_text import searchable
from services.addresses.domain.search.query import POST_TOWN
from services.addresses.domain.search.result import Found
from services.addresses.domain.search.tokens import begun_in_full, normal, raw_tokens, tokens
from services.addresses.gazetteer.search.gazetteer import Gazetteer

LIMIT = 20
SECONDS, LEAST_TRIED = 15.0, 20


class Held:
    """What each result may be written with, from its record."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._of = lru_cache(50_000)(self._tokens_of)

    def _tokens_of(self, uprn: int) -> frozenset[str]:
        blpu = self._gazetteer.record(uprn)
        assert blpu is not None
        found = searchable(blpu)
        return frozenset([*found.optional, *found.context, *(token for variant in found.variants for token in variant)])

    def holds(self, found: Found, typed: str) -> bool:
        """Whether a result holds all that was typed, the last run perhaps only begun."""
        held = frozenset(tokens(found.address)) if found.uprn is None else self._of(found.uprn)
        compact = found.postcode.replace(" ", "")
        *finished, last = raw_tokens(typed) or [""]
        return all(self._has(run, held, compact) for run in finished) and (self._has(last, held, compact) or _begins(last, held, compact))

    def _has(self, run: str, held: frozenset[str], postcode: str) -> bool:
        return run == POST_TOWN or held.issuperset(normal(run)) or (run in postcode and bool(run))


def _begins(run: str, held: frozenset[str], postcode: str) -> bool:
    return (POST_TOWN.startswith(run) or postcode.startswith(run) or any(token.startswith(run) for token in held)
            or not begun_in_full(run).isdisjoint(held))  # fmt: skip


def dropped(gazetteer: Gazetteer, held: Held, uprn: int, line: str) -> list[str]:
    """The beginnings of a line for which its premises are not shown, though they were for less of it."""
    was_shown, without = False, []
    for end in range(1, len(line) + 1):
        results = gazetteer.search(line[:end], LIMIT)
        if any(found.uprn == uprn for found in results):
            was_shown = True
        elif was_shown and not (len(results) == LIMIT and all(held.holds(found, line[:end]) for found in results)):
            without.append(line[:end])
    return without if was_shown else [*without, f"{line} (never shown)"]


def every_longer_beginning(gazetteer: Gazetteer, seed: int) -> None:
    """Fails with the beginnings that drop one of its premises."""
    held, found, tried = Held(gazetteer), {}, 0
    until = time.monotonic() + SECONDS
    for row in random.Random(seed).sample(range(len(gazetteer)), len(gazetteer)):
        if tried >= LEAST_TRIED and time.monotonic() > until:
            break
        uprn = int(gazetteer.uprns[row])
        shown = next((one for one in gazetteer.search(_line_of(gazetteer, uprn), LIMIT) if one.uprn == uprn), None)
        if shown is None:  # historical: never shown
            continue
        tried += 1
        if without := dropped(gazetteer, held, uprn, shown.address):
            found[shown.address] = without
    print(f"{tried} premises of {len(gazetteer)} typed letter by letter")
    assert not found, found


def _line_of(gazetteer: Gazetteer, uprn: int) -> str:
    row = gazetteer._premises.row(uprn)
    assert row is not None
    return gazetteer._premises.found(row).address


def test_a_longer_beginning_never_drops_a_premises_of_the_demo(gazetteer):
    every_longer_beginning(gazetteer, seed=20)


@pytest.mark.bulk
def test_a_longer_beginning_never_drops_one_of_a_hundred_thousand_premises(hundred_thousand):
    every_longer_beginning(hundred_thousand, seed=21)
