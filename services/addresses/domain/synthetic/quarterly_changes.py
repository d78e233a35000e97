"""What a quarter of a year might do to made-up premises, so that updates can be tried: the same for the same seed.

On one postcode in `RARITY` something happens: something is built, gets a better position or another occupier, a house is divided, two
flats become one, a house goes, or was a mistake and leaves without a trace. Few premises would have few of these or none, and an update in
which nothing happens shows nothing: so of each there is one at least among a few hundred premises, and one in all among however few.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from operator import attrgetter

from services.addresses.domain.addressbase.records import NO_NUMBERING, Blpu, BlpuState, LogicalStatus, Lpi, Numbering

from . import names
from .identifiers import MADE_UP_UPRNS, PER_POSTCODE
from .plots import Classification
from .random_choice import Dice

RARITY = 20
PREMISES_OWED = 40
"""For each kind that has not happened by chance, after so many premises more: seven kinds in 280."""
CHANGED_ON = date(2025, 12, 1)
"""The day on which it happens."""
_HOUSES = frozenset({Classification.HOUSE, Classification.SEMI_DETACHED, Classification.DETACHED, Classification.DWELLING})
_BUSINESSES = frozenset({Classification.SHOP, Classification.EATING_PLACE, Classification.OFFICE})


@dataclass(slots=True)
class _Postcode:
    """The premises of one postcode while something happens to them."""

    held: dict[int, Blpu]
    last: int
    """The last UPRN that is taken."""
    free: int
    """UPRNs of the postcode's block that are left."""
    dice: Dice

    def some(self, wanted: Callable[[Blpu], bool]) -> Blpu | None:
        """One of those that are in use and wanted, by chance."""
        found = [blpu for blpu in self.held.values() if blpu.logical_status is LogicalStatus.APPROVED and wanted(blpu)]
        return self.dice.one_of(found) if found else None

    def put(self, blpu: Blpu) -> None:
        self.held[blpu.uprn] = replace(blpu, last_update=CHANGED_ON)

    def add(self, like: Blpu, *, sao_text: str = "", pao: Numbering | None = None) -> int:
        """Put up one more that is like another but for the part within, or for its number. Its UPRN."""
        self.last, self.free = self.last + 1, self.free - 1
        number = self.last - MADE_UP_UPRNS.start
        lpi = replace(like.lpis[0], lpi_key=f"{like.custodian}L{number:09d}", sao=NO_NUMBERING, sao_text=sao_text)
        point = like.delivery_point and replace(like.delivery_point, udprn=number, sub_building_name=sao_text, last_update=CHANGED_ON)
        if pao:
            lpi = replace(lpi, pao=pao)
            point = point and replace(point, building_name=str(pao), building_number="")
        lpi = replace(lpi, start_date=CHANGED_ON, last_update=CHANGED_ON)
        self.put(
            replace(
                like, uprn=self.last, lpis=(lpi,), delivery_point=point, state_date=CHANGED_ON, start_date=CHANGED_ON, entry_date=CHANGED_ON
            )
        )
        return self.last

    def retire(self, blpu: Blpu, *successors: int) -> None:
        """It is no more; what took its place has these UPRNs."""
        lpis = tuple(sorted((_ended(lpi) for lpi in blpu.lpis), key=attrgetter("lpi_key")))
        ended = replace(blpu, lpis=lpis, delivery_point=None, successors=successors, state_date=CHANGED_ON, end_date=CHANGED_ON)
        self.put(replace(ended, logical_status=LogicalStatus.HISTORICAL, state=BlpuState.NO_LONGER_EXISTING))


def _ended(lpi: Lpi) -> Lpi:
    return replace(lpi, logical_status=LogicalStatus.HISTORICAL, end_date=lpi.end_date or CHANGED_ON, last_update=CHANGED_ON)


def changed(blpus: Iterable[Blpu], seed: int, *, rarity: int = RARITY) -> Iterator[Blpu]:
    """The premises a quarter later, in the order of their UPRNs as they came. Memory is that of one postcode."""
    owed, seen = list(_HAPPENINGS), 0
    for block, group in groupby(blpus, key=lambda blpu: (blpu.uprn - MADE_UP_UPRNS.start) // PER_POSTCODE):
        held = {blpu.uprn: blpu for blpu in group}
        dice = Dice(f"changes:{seed}:{block}")
        is_due = len(_HAPPENINGS) - len(owed) <= seen // PREMISES_OWED
        seen += len(held)
        drawn = [dice.one_of(_HAPPENINGS)] if dice.between(1, rarity) == 1 else []
        possible = [*drawn, *(owed if is_due else ())]
        if possible:
            last = max(held)
            left = MADE_UP_UPRNS.start + (block + 1) * PER_POSTCODE - 1 - last
            happened = _first_of(possible, _Postcode(held, last, left, dice))
            owed = [each for each in owed if each is not happened]
        yield from (held[uprn] for uprn in sorted(held))


def _first_of(possible: Iterable["_Happening"], postcode: _Postcode) -> "_Happening | None":
    """Let the first of these happen that can happen here."""
    before = dict(postcode.held)
    for happening in possible:
        happening(postcode)
        if postcode.held != before:
            _count_children(postcode)
            return happening
    return None


def _divided(postcode: _Postcode) -> None:
    house = postcode.some(lambda blpu: blpu.classification in _HOUSES and blpu.lpis[0].pao.start_number is not None)
    if house and postcode.free >= 2:
        flat = replace(house, classification=Classification.FLAT.value)
        flats = [postcode.add(flat, sao_text=f"FLAT {letter}") for letter in "AB"]
        postcode.retire(house, *flats)


def _joined(postcode: _Postcode) -> None:
    flat = postcode.some(lambda blpu: blpu.classification == Classification.FLAT and blpu.parent_uprn is not None)
    if flat is None or not postcode.free:
        return
    other = postcode.some(
        lambda blpu: blpu.parent_uprn == flat.parent_uprn and blpu.uprn != flat.uprn and blpu.classification == flat.classification
    )
    if other:
        first, second = sorted(one.delivery_point.sub_building_name if one.delivery_point else "" for one in (flat, other))
        one = postcode.add(flat, sao_text=f"{first} AND {second.removeprefix('FLAT ')}")
        postcode.retire(flat, one)
        postcode.retire(other, one)


def _built(postcode: _Postcode) -> None:
    house = postcode.some(lambda blpu: blpu.classification in _HOUSES and blpu.lpis[0].pao.start_number is not None)
    if house and postcode.free:
        postcode.add(house, pao=Numbering(house.lpis[0].pao.start_number, "X"))


def _gone(postcode: _Postcode) -> None:
    if house := postcode.some(lambda blpu: blpu.parent_uprn is None and blpu.classification in _HOUSES):
        postcode.retire(house)


def _taken_over(postcode: _Postcode) -> None:
    if shop := postcode.some(lambda blpu: blpu.classification in _BUSINESSES and blpu.delivery_point is not None):
        name = f"{names.word(postcode.dice)} & DAUGHTERS"
        point = shop.delivery_point and replace(shop.delivery_point, organisation_name=name, last_update=CHANGED_ON)
        postcode.put(replace(shop, organisation=name, delivery_point=point))


def _any(_: Blpu) -> bool:
    return True


def _moved(postcode: _Postcode) -> None:
    if blpu := postcode.some(_any):
        postcode.put(replace(blpu, easting=blpu.easting + 1.5, longitude=round(blpu.longitude + 0.000022, 6)))


def _mistaken(postcode: _Postcode) -> None:
    if blpu := postcode.some(lambda blpu: blpu.classification not in {Classification.SHELL, Classification.FLAT}):
        del postcode.held[blpu.uprn]


_Happening = Callable[[_Postcode], None]
_HAPPENINGS: tuple[_Happening, ...] = (_built, _moved, _taken_over, _divided, _joined, _gone, _mistaken)
"""Those after which fewer premises are in use come last, so that it is not many of few."""


def _count_children(postcode: _Postcode) -> None:
    """A shell says how many parts in use it has."""
    for uprn, blpu in postcode.held.items():
        if blpu.classification == Classification.SHELL:
            children = sum(1 for each in postcode.held.values() if each.parent_uprn == uprn and each.end_date is None)
            if children != blpu.multi_occupancy:
                postcode.held[uprn] = replace(blpu, multi_occupancy=children, last_update=CHANGED_ON)
