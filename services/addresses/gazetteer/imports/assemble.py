"""Assemble the rows of a stage into premises records, in the order of their UPRNs."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from services.addresses.domain.addressbase.formats.assemble import Parts, assemble
from services.addresses.domain.addressbase.incoming import BadRowError
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.gazetteer.files.shipped_sources import WARDS, Sources
from services.addresses.gazetteer.releases.stage_layers import Assembled, Layers

STREETS_KEPT = 50_000
"""Number of streets whose rows stay in memory."""
_A_WHILE = 1_000


class Assembly:
    """Assembles the records of a stage and counts the UPRNs that it leaves out.

    Calls `at` with the number of UPRNs done, and `on_incomplete` with itself after each UPRN whose rows do not fit together.
    """

    def __init__(
        self,
        stage: Layers,
        sources: Sources,
        at: Callable[[int], None] = lambda _: None,
        on_incomplete: Callable[["Assembly"], None] = lambda _: None,
    ) -> None:
        self._stage = stage
        self._at, self._on_incomplete = at, on_incomplete
        self._wards = {ward.code: ward.borough for ward in sources.wards()}
        self._hash_of_wards = sources.hashes()[WARDS]
        self._street = lru_cache(STREETS_KEPT)(lambda usrn: stage.parts(-usrn))
        self.incomplete: list[tuple[int, str]] = []
        """UPRNs whose rows do not fit together, and why."""
        self.elsewhere = 0
        """Number of UPRNs outside London, or with only a position or a successor."""

    def blpus(self) -> Iterator[Blpu]:
        """Yield all records. Raises what `on_incomplete` raises."""
        return self._records(self._stage.premises())

    def blpus_of(self, uprns: Iterable[int]) -> Iterator[Blpu]:
        """Yield the records of those of the UPRNs that the stage holds. Raises what `on_incomplete` raises."""
        held = ((uprn, self._stage.parts(uprn)) for uprn in uprns)
        return self._records((uprn, parts) for uprn, parts in held if parts)

    def _records(self, premises: Iterable[tuple[int, Parts]]) -> Iterator[Blpu]:
        done = 0
        for done, (uprn, parts) in enumerate(premises, start=1):
            if done % _A_WHILE == 1:
                self._at(done - 1)
            if blpu := self._assembled(uprn, parts):
                yield blpu
        self._at(done)

    def _assembled(self, uprn: int, parts: Parts) -> Blpu | None:
        try:
            blpu = assemble(uprn, parts, self._street, self._wards)
        except BadRowError as error:
            self.incomplete.append((uprn, str(error)))
            self._on_incomplete(self)
            return None
        self.elsewhere += blpu is None
        return blpu

    def noted(self) -> Assembled:
        """Return what the next update must know of this assembly: the hash of the wards and the incomplete UPRNs."""
        return Assembled(self._hash_of_wards, frozenset(uprn for uprn, _ in self.incomplete))
