"""The premises of a stage put together to records, in the order of their UPRNs."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from services.addresses.domain.formats.assembling import Parts, assemble
from services.addresses.domain.incoming import BadRowError
from services.addresses.domain.records import Blpu

from .sources import Sources
from .staging import Stage

STREETS_KEPT = 50_000
"""Streets whose names are kept in memory meanwhile."""
_A_WHILE = 1_000


class Assembly:
    """The records of a stage, and what cannot be one. `at` is told how many UPRNs are done, `on_incomplete` of each that is left out."""

    def __init__(
        self,
        stage: Stage,
        sources: Sources,
        at: Callable[[int], None] = lambda _: None,
        on_incomplete: Callable[["Assembly"], None] = lambda _: None,
    ) -> None:
        self._stage = stage
        self._at, self._on_incomplete = at, on_incomplete
        self._wards = {ward.code: ward.borough for ward in sources.wards()}
        self._street = lru_cache(STREETS_KEPT)(lambda usrn: stage.parts(-usrn))
        self.held = stage.count()
        """UPRNs."""
        self.incomplete: list[tuple[int, str]] = []
        """UPRNs whose rows do not fit together, and why."""
        self.elsewhere = 0
        """UPRNs that are not in London, or of which too little is said."""

    def blpus(self) -> Iterator[Blpu]:
        """The records. Raises what `on_incomplete` raises."""
        for number, (uprn, parts) in enumerate(self._stage.premises()):
            if number % _A_WHILE == 0:
                self._at(number)
            if blpu := self._assembled(uprn, parts):
                yield blpu
        self._at(self.held)

    def _assembled(self, uprn: int, parts: Parts) -> Blpu | None:
        try:
            blpu = assemble(uprn, parts, self._street, self._wards)
        except BadRowError as error:
            self.incomplete.append((uprn, str(error)))
            self._on_incomplete(self)
            return None
        self.elsewhere += blpu is None
        return blpu
