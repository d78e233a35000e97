"""Applies a quarter's changes to synthetic premises for trials of updates, reproducibly from a seed.

Changes one postcode in `RARITY`: a house is built, divided or demolished, two flats become one, premises move, change their occupier, or
are deleted as a mistake. Chance alone would leave a small set unchanged, and such an update would show nothing. So a few hundred premises
have at least one change of each kind, and any set has at least one change.
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
"""Number of premises after which the next missing kind of change is due: seven kinds in 280 premises."""
CHANGED_ON = date(2025, 12, 1)
"""The day of every change."""
_HOUSES = frozenset({Classification.HOUSE, Classification.SEMI_DETACHED, Classification.DETACHED, Classification.DWELLING})
_BUSINESSES = frozenset({Classification.SHOP, Classification.EATING_PLACE, Classification.OFFICE})


@dataclass(slots=True)
class _Postcode:
    """The premises of one postcode, to be changed."""

    held: dict[int, Blpu]
    last: int
    """The last UPRN in use."""
    free: int
    """Number of unused UPRNs in the postcode's block."""
    dice: Dice

    def some(self, wanted: Callable[[Blpu], bool]) -> Blpu | None:
        """Draws one of the approved premises that are wanted; None if there are none."""
        found = [blpu for blpu in self.held.values() if blpu.logical_status is LogicalStatus.APPROVED and wanted(blpu)]
        return self.dice.one_of(found) if found else None

    def put(self, blpu: Blpu) -> None:
        self.held[blpu.uprn] = replace(blpu, last_update=CHANGED_ON)

    def add(self, like: Blpu, *, sao_text: str = "", pao: Numbering | None = None) -> int:
        """Adds premises like others except for SAO text or PAO number, and returns the new UPRN."""
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
        """Makes premises historical, with the UPRNs of their successors."""
        lpis = tuple(sorted((_end(lpi) for lpi in blpu.lpis), key=attrgetter("lpi_key")))
        ended = replace(blpu, lpis=lpis, delivery_point=None, successors=successors, state_date=CHANGED_ON, end_date=CHANGED_ON)
        self.put(replace(ended, logical_status=LogicalStatus.HISTORICAL, state=BlpuState.NO_LONGER_EXISTING))


def _end(lpi: Lpi) -> Lpi:
    return replace(lpi, logical_status=LogicalStatus.HISTORICAL, end_date=lpi.end_date or CHANGED_ON, last_update=CHANGED_ON)


def changed(blpus: Iterable[Blpu], seed: int, *, rarity: int = RARITY) -> Iterator[Blpu]:
    """Yields the premises a quarter later. Takes and yields them in the order of their UPRNs; keeps one postcode in memory."""
    owed, seen = list(_CHANGES), 0
    for block, group in groupby(blpus, key=lambda blpu: (blpu.uprn - MADE_UP_UPRNS.start) // PER_POSTCODE):
        held = {blpu.uprn: blpu for blpu in group}
        dice = Dice(f"changes:{seed}:{block}")
        is_due = len(_CHANGES) - len(owed) <= seen // PREMISES_OWED
        seen += len(held)
        drawn = [dice.one_of(_CHANGES)] if dice.between(1, rarity) == 1 else []
        possible = [*drawn, *(owed if is_due else ())]
        if possible:
            last = max(held)
            left = MADE_UP_UPRNS.start + (block + 1) * PER_POSTCODE - 1 - last
            made = _make_first_possible(possible, _Postcode(held, last, left, dice))
            owed = [each for each in owed if each is not made]
        yield from (held[uprn] for uprn in sorted(held))


def _make_first_possible(possible: Iterable["_Change"], postcode: _Postcode) -> "_Change | None":
    """Applies the first of these changes that is possible on the postcode, and returns it; None if none is."""
    before = dict(postcode.held)
    for change in possible:
        change(postcode)
        if postcode.held != before:
            _count_children(postcode)
            return change
    return None


def _divide(postcode: _Postcode) -> None:
    house = postcode.some(lambda blpu: blpu.classification in _HOUSES and blpu.lpis[0].pao.start_number is not None)
    if house and postcode.free >= 2:
        flat = replace(house, classification=Classification.FLAT.value)
        flats = [postcode.add(flat, sao_text=f"FLAT {letter}") for letter in "AB"]
        postcode.retire(house, *flats)


def _join(postcode: _Postcode) -> None:
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


def _build(postcode: _Postcode) -> None:
    house = postcode.some(lambda blpu: blpu.classification in _HOUSES and blpu.lpis[0].pao.start_number is not None)
    if house and postcode.free:
        postcode.add(house, pao=Numbering(house.lpis[0].pao.start_number, "X"))


def _demolish(postcode: _Postcode) -> None:
    if house := postcode.some(lambda blpu: blpu.parent_uprn is None and blpu.classification in _HOUSES):
        postcode.retire(house)


def _take_over(postcode: _Postcode) -> None:
    if shop := postcode.some(lambda blpu: blpu.classification in _BUSINESSES and blpu.delivery_point is not None):
        name = f"{names.word(postcode.dice)} & DAUGHTERS"
        point = shop.delivery_point and replace(shop.delivery_point, organisation_name=name, last_update=CHANGED_ON)
        postcode.put(replace(shop, organisation=name, delivery_point=point))


def _any(_: Blpu) -> bool:
    return True


def _move(postcode: _Postcode) -> None:
    if blpu := postcode.some(_any):
        postcode.put(replace(blpu, easting=blpu.easting + 1.5, longitude=round(blpu.longitude + 0.000022, 6)))


def _delete(postcode: _Postcode) -> None:
    if blpu := postcode.some(lambda blpu: blpu.classification not in {Classification.SHELL, Classification.FLAT}):
        del postcode.held[blpu.uprn]


_Change = Callable[[_Postcode], None]
_CHANGES: tuple[_Change, ...] = (_build, _move, _take_over, _divide, _join, _demolish, _delete)
"""The changes that reduce the premises in use come last, so that a small set loses few."""


def _count_children(postcode: _Postcode) -> None:
    """Sets MULTI_OCC_COUNT of each shell to the number of its parts in use."""
    for uprn, blpu in postcode.held.items():
        if blpu.classification == Classification.SHELL:
            children = sum(1 for each in postcode.held.values() if each.parent_uprn == uprn and each.end_date is None)
            if children != blpu.multi_occupancy:
                postcode.held[uprn] = replace(blpu, multi_occupancy=children, last_update=CHANGED_ON)
