"""Puts AddressBase's capitals in readable case."""

import re
from functools import lru_cache

_RUN = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*|[0-9]+[A-Z]*")
_SMALL = frozenset({"AND", "AT", "BY", "DE", "IN", "LE", "OF", "ON", "THE", "UPON"})
_KEPT = frozenset({"BBC", "GP", "II", "III", "IV", "NHS", "UK", "YMCA"})
_ORDINALS = ("ST", "ND", "RD", "TH")


def readable(text: str) -> str:
    """Turns `FLAT 2, 179A HIGH STREET` into `Flat 2, 179A High Street`. Leaves a text with small letters unchanged."""
    if text != text.upper():
        return text
    first, *others = text.split(" ")
    return " ".join([_shown_first(first), *map(_shown, others)])


@lru_cache(20_000)
def _shown_first(word: str) -> str:
    return _RUN.sub(lambda found: _capitalised(found[0]), word)


@lru_cache(50_000)
def _shown(word: str) -> str:
    return _RUN.sub(lambda found: found[0].lower() if found[0] in _SMALL else _capitalised(found[0]), word)


def _capitalised(run: str) -> str:
    if run in _KEPT or (run[0].isdigit() and not run.endswith(_ORDINALS)):
        return run
    return run[0] + run[1:].lower()
