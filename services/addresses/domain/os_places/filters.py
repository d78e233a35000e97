"""Parses `fq`, the filters of OS Places.

The terms of one `fq`, as in `CLASSIFICATION_CODE:RD* CLASSIFICATION_CODE:CR08`, are alternatives. Several `fq` must all hold.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from services.addresses.domain.addressbase.records import Blpu, Lpi
from services.addresses.domain.errors import Refusal

MOST_FILTERS = 20
"""Limit of the `fq` parameters in a request, and of the terms in each."""
_CLASSIFICATION = re.compile(r"[A-Z][A-Z0-9]{0,5}\*?|\*", re.ASCII)
_FIELDS: dict[str, frozenset[str] | None] = {
    "CLASSIFICATION_CODE": None,
    "LOGICAL_STATUS_CODE": frozenset(("1", "6", "8")),
    "LPI_LOGICAL_STATUS_CODE": frozenset(("1", "3", "6", "8")),
    "COUNTRY_CODE": frozenset("EWSNLMJ"),
}
_ALSO_WRITTEN = {("COUNTRY_CODE", "EN"): "E"}
"""The only synonym of a value: England in two letters."""
_VALUES: dict[str, Callable[[Blpu, Lpi | None], str]] = {
    "CLASSIFICATION_CODE": lambda blpu, _: blpu.classification,
    "LOGICAL_STATUS_CODE": lambda blpu, _: str(int(blpu.logical_status)),
    "LPI_LOGICAL_STATUS_CODE": lambda _, lpi: str(int(lpi.logical_status)) if lpi else "",
    "COUNTRY_CODE": lambda blpu, _: blpu.country,
}


@dataclass(frozen=True, slots=True)
class Term:
    """A field and its required value, or the prefix of it if `begins`."""

    field: str
    value: str
    begins: bool = False

    @classmethod
    def read(cls, text: str) -> Self:
        """Parses `CLASSIFICATION_CODE:RD*` in any case. Raises `Refusal` for an unknown field or value."""
        name, colon, given = text.partition(":")
        field, value = name.upper(), given.upper()
        value = _ALSO_WRITTEN.get((field, value), value)
        if not colon or field not in _FIELDS:
            raise Refusal(f"Requested fq must filter by {', '.join(_FIELDS)}. Requested fq was {text[:100]}")
        allowed = _FIELDS[field]
        if allowed is not None and value not in allowed:
            raise Refusal(f"Requested fq {field} must be one of {', '.join(sorted(allowed))}. Requested fq was {text[:100]}")
        if allowed is None and not _CLASSIFICATION.fullmatch(value):
            raise Refusal(f"Requested fq {field} must be a classification code, or its beginning and *. Requested fq was {text[:100]}")
        return cls(field, value.rstrip("*"), value.endswith("*"))

    def holds(self, blpu: Blpu, lpi: Lpi | None) -> bool:
        """Tells whether an address has the value. A delivery point (`lpi` is None) has no LPI status."""
        found = _VALUES[self.field](blpu, lpi)
        return found.startswith(self.value) if self.begins else found == self.value


@dataclass(frozen=True, slots=True)
class Filters:
    """All `fq` parameters of a request. Each needs at least one term that holds."""

    groups: tuple[tuple[Term, ...], ...] = ()

    @classmethod
    def read(cls, texts: Sequence[str]) -> Self:
        """Parses the `fq` parameters of a request. Raises `Refusal` for an unknown or empty filter, and for too many."""
        if len(texts) > MOST_FILTERS or any(len(text.split()) > MOST_FILTERS for text in texts):
            raise Refusal(f"Requested fq must have at most {MOST_FILTERS} filters")
        if any(not text.split() for text in texts):
            raise Refusal("Requested fq must not be empty")
        return cls(tuple(tuple(Term.read(term) for term in text.split()) for text in texts))

    def hold(self, blpu: Blpu, lpi: Lpi | None) -> bool:
        """Tells whether an address passes the filters: that of `lpi`, or the delivery point's if it is None."""
        return all(any(term.holds(blpu, lpi) for term in group) for group in self.groups)


NO_FILTERS = Filters()
