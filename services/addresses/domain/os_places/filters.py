"""`fq`, the filters of OS Places: `CLASSIFICATION_CODE:RD* CLASSIFICATION_CODE:CR08` means one or the other, a second `fq` means both."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from services.addresses.domain.addressbase.records import Blpu, Lpi
from services.addresses.domain.errors import Refusal

MOST_FILTERS = 20
"""`fq` parameters of one request, and terms in each."""
_CLASSIFICATION = re.compile(r"[A-Z][A-Z0-9]{0,5}\*?|\*", re.ASCII)
_FIELDS: dict[str, frozenset[str] | None] = {
    "CLASSIFICATION_CODE": None,
    "LOGICAL_STATUS_CODE": frozenset(("1", "6", "8")),
    "LPI_LOGICAL_STATUS_CODE": frozenset(("1", "3", "6", "8")),
    "COUNTRY_CODE": frozenset("EWSNLMJ"),
}
_ALSO_WRITTEN = {("COUNTRY_CODE", "EN"): "E"}
"""England, in case somebody writes it in two letters. Nothing else is taken for another value."""
_VALUES: dict[str, Callable[[Blpu, Lpi | None], str]] = {
    "CLASSIFICATION_CODE": lambda blpu, _: blpu.classification,
    "LOGICAL_STATUS_CODE": lambda blpu, _: str(int(blpu.logical_status)),
    "LPI_LOGICAL_STATUS_CODE": lambda _, lpi: str(int(lpi.logical_status)) if lpi else "",
    "COUNTRY_CODE": lambda blpu, _: blpu.country,
}


@dataclass(frozen=True, slots=True)
class Term:
    """One field and the value that it must have, or begin with."""

    field: str
    value: str
    begins: bool = False

    @classmethod
    def read(cls, text: str) -> Self:
        """`CLASSIFICATION_CODE:RD*`, in any case. Refuses unknown fields and values that the field cannot have."""
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
        """Whether this address has the value; one by Royal Mail (no `lpi`) has no LPI status."""
        found = _VALUES[self.field](blpu, lpi)
        return found.startswith(self.value) if self.begins else found == self.value


@dataclass(frozen=True, slots=True)
class Filters:
    """Every `fq` of a request: of each, one term must hold."""

    groups: tuple[tuple[Term, ...], ...] = ()

    @classmethod
    def read(cls, texts: Sequence[str]) -> Self:
        """The `fq` parameters as they came. Refuses unknown ones, empty ones and too many."""
        if len(texts) > MOST_FILTERS or any(len(text.split()) > MOST_FILTERS for text in texts):
            raise Refusal(f"Requested fq must have at most {MOST_FILTERS} filters")
        if any(not text.split() for text in texts):
            raise Refusal("Requested fq must not be empty")
        return cls(tuple(tuple(Term.read(term) for term in text.split()) for text in texts))

    def hold(self, blpu: Blpu, lpi: Lpi | None) -> bool:
        """Whether an address passes: `lpi` is the one in question, None for the address by Royal Mail."""
        return all(any(term.holds(blpu, lpi) for term in group) for group in self.groups)


NO_FILTERS = Filters()
