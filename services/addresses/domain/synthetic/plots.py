"""Plans the premises of one postcode: a terrace, blocks of flats, a parade of shops, or a few named buildings. Each fills its plot."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from services.addresses.domain.addressbase.records import NO_NUMBERING, LogicalStatus, Numbering
from services.addresses.domain.geography.location import Location

from . import names
from .random_choice import Dice


class Classification(StrEnum):
    """AddressBase classification codes of the generated premises."""

    DETACHED = "RD02"
    SEMI_DETACHED = "RD03"
    HOUSE = "RD04"
    FLAT = "RD06"
    DWELLING = "RD"
    SHOP = "CR08"
    EATING_PLACE = "CR07"
    OFFICE = "CO01"
    SHELL = "PP"


@dataclass(frozen=True, slots=True)
class MadeUpStreet:
    """A street of one sector and borough."""

    usrn: int
    name: str
    former: "MadeUpStreet | None" = None
    """The street under its former name: a street of its own, now closed."""


class Identifier(NamedTuple):
    """A draft of an LPI, without the parts that all premises of a street share."""

    street: MadeUpStreet
    status: LogicalStatus = LogicalStatus.APPROVED
    sao: Numbering = NO_NUMBERING
    sao_text: str = ""
    pao: Numbering = NO_NUMBERING
    pao_text: str = ""


@dataclass(slots=True)
class Draft:
    """One premises without UPRN, latitude and longitude."""

    classification: Classification
    location: Location
    identifiers: list[Identifier]
    parent: "Draft | None" = None
    organisation: str = ""
    sub_building: str = ""
    building_name: str = ""
    building_number: str = ""
    estate: str = ""
    ordinal: int = 0
    """Its number in the postcode, from 0."""


@dataclass(slots=True)
class Plot:
    """One postcode of a street, to be filled with `room` premises. House numbers continue from `number` on one side of the street."""

    at: Location
    street: MadeUpStreet
    behind: MadeUpStreet | None
    """The street of a corner building's second address."""
    dice: Dice
    number: int
    room: int
    drafts: list[Draft] = field(default_factory=list)

    # The sequence of draws must not depend on street or number, so that a postcode keeps its premises.

    @property
    def left(self) -> int:
        """Number of premises still to add."""
        return self.room - len(self.drafts)

    def next_number(self) -> int:
        number, self.number = self.number, self.number + 2
        return number

    def somewhere_near(self) -> Location:
        """Draws a location within 25 m of the postcode's point in each axis."""
        return Location(self.at.easting + self.dice.between(-25, 25), self.at.northing + self.dice.between(-25, 25))

    def add(self, draft: Draft) -> Draft:
        draft.ordinal = len(self.drafts)
        self.drafts.append(draft)
        return draft


def terrace(plot: Plot) -> None:
    """Fills the plot with houses in a row, some of them divided into flats."""
    house = plot.dice.one_of(
        (Classification.HOUSE, Classification.HOUSE, Classification.HOUSE, Classification.SEMI_DETACHED, Classification.DETACHED)
    )
    while plot.left:
        if plot.left >= 3 and plot.dice.chance(0.15):
            _divided_house(plot)
            continue
        number, location = plot.next_number(), plot.somewhere_near()
        _house(plot, house, Numbering(number), location)
        if plot.left and plot.dice.chance(0.04):  # a later house between two numbers
            _house(plot, house, Numbering(number, "A"), location)


def _house(plot: Plot, classification: Classification, pao: Numbering, location: Location) -> None:
    lpis = [Identifier(plot.street, pao=pao)]
    if pao.start_suffix:
        if plot.dice.chance(0.5):
            lpis.append(
                Identifier(plot.street, LogicalStatus.ALTERNATIVE, sao_text=f"FLAT {pao.start_suffix}", pao=Numbering(pao.start_number))
            )
        plot.add(Draft(classification, location, lpis, building_name=str(pao)))
        return
    name = f"{names.word(plot.dice)} {plot.dice.one_of(('COTTAGE', 'HOUSE', 'VILLA', 'LODGE'))}" if plot.dice.chance(0.05) else ""
    if name:
        lpis.append(Identifier(plot.street, LogicalStatus.ALTERNATIVE, pao=pao, pao_text=name))
    _renamed(plot, lpis)
    plot.add(Draft(classification, location, lpis, building_number=str(pao), building_name=name if plot.dice.chance(0.5) else ""))


def _renamed(plot: Plot, lpis: list[Identifier]) -> None:
    """Adds the historical LPI under the street's former name, if it has one, to six in ten buildings."""
    if plot.dice.chance(0.6) and plot.street.former:
        lpis.append(lpis[0]._replace(status=LogicalStatus.HISTORICAL, street=plot.street.former))


def _divided_house(plot: Plot) -> None:
    number, location = Numbering(plot.next_number()), plot.somewhere_near()
    lpis = [Identifier(plot.street, pao=number)]
    _renamed(plot, lpis)
    shell = plot.add(Draft(Classification.SHELL, location, lpis, building_number=str(number)))
    lettered = plot.dice.chance(0.5)
    labels = (
        [f"FLAT {letter}" for letter in "ABCD"]
        if lettered
        else [name.upper() for name in plot.dice.one_of((names.FLOORS, names.GARDEN_FLOORS))]
    )
    for label in labels[: min(plot.left, plot.dice.between(2, len(labels)))]:
        own = [Identifier(plot.street, sao_text=label, pao=number)]
        if lettered and plot.dice.chance(0.3):
            own.append(Identifier(plot.street, LogicalStatus.ALTERNATIVE, pao=Numbering(number.start_number, label[-1])))
        plot.add(Draft(Classification.FLAT, location, own, shell, sub_building=label, building_number=str(number)))


def blocks(plot: Plot) -> None:
    """Fills the plot with blocks of flats, in some postcodes all on one estate."""
    estate = f"{names.word(plot.dice)} ESTATE" if plot.dice.chance(0.3) else ""
    taken: set[str] = set()
    while plot.left:
        if plot.left < 3:
            terrace(plot)
            return
        name = names.block(plot.dice)
        while name in taken:
            name = names.block(plot.dice)
        taken.add(name)
        _block(plot, name, estate, min(plot.left, plot.dice.between(7, 45)))


def _block(plot: Plot, name: str, estate: str, room: int) -> None:
    number = _range(plot) if plot.dice.chance(0.5) else NO_NUMBERING
    location, by_number = plot.somewhere_near(), plot.dice.chance(0.15)
    pao_text = f"{name} {estate}".rstrip()
    lpis = [Identifier(plot.street, pao=number, pao_text=pao_text)]
    if plot.dice.chance(0.15) and plot.behind:
        lpis.append(Identifier(plot.behind, LogicalStatus.ALTERNATIVE, pao_text=pao_text))
    if plot.dice.chance(0.1):
        lpis.append(lpis[0]._replace(status=LogicalStatus.HISTORICAL, pao_text=names.block(plot.dice)))
    building_number = str(number.start_number) if number.start_number and not number.end_number else ""
    building_name = f"{name} {number}" if number.end_number else name
    shell = plot.add(
        Draft(Classification.SHELL, location, lpis, building_name=building_name, building_number=building_number, estate=estate)
    )
    end, flat = len(plot.drafts) + room - 1, 1
    while len(plot.drafts) < end:
        two_in_one = plot.dice.chance(0.01)
        sao = Numbering(flat, "", flat + 1 if two_in_one else None)
        label = f"FLAT {sao}"
        own = Identifier(
            plot.street, sao=sao if by_number else NO_NUMBERING, sao_text="" if by_number else label, pao=number, pao_text=pao_text
        )
        plot.add(
            Draft(
                *(Classification.FLAT, location, [own], shell),
                sub_building=label,
                building_name=building_name,
                building_number=building_number,
                estate=estate,
            )
        )
        flat += 2 if two_in_one else 1


def _range(plot: Plot) -> Numbering:
    """Takes a number, or for a wide building a range of numbers on its side of the street: `6-20`."""
    start = plot.next_number()
    if plot.dice.chance(0.6):
        return Numbering(start)
    plot.number += 2 * plot.dice.between(0, 6)
    return Numbering(start, "", plot.next_number())


def parade(plot: Plot) -> None:
    """Fills the plot with shops, places to eat and offices, some with flats above."""
    while plot.left:
        if plot.left >= 3 and plot.dice.chance(0.35):
            _shop_with_flats(plot)
            continue
        number = _range(plot) if plot.dice.chance(0.2) else Numbering(plot.next_number())
        lpis = [Identifier(plot.street, pao=number)]
        _renamed(plot, lpis)
        if plot.dice.chance(0.03) and plot.behind:
            lpis.append(Identifier(plot.behind, LogicalStatus.ALTERNATIVE, pao=Numbering(1)))
        plot.add(_business(plot, number, plot.somewhere_near(), lpis))


_BUSINESSES: tuple[tuple[Classification, tuple[str, ...]], ...] = (
    (Classification.SHOP, names.SHOP_TRADES),
    (Classification.SHOP, names.SHOP_TRADES),
    (Classification.EATING_PLACE, names.EATING_TRADES),
    (Classification.OFFICE, names.OFFICE_TRADES),
)


def _business(plot: Plot, number: Numbering, location: Location, lpis: list[Identifier], parent: Draft | None = None) -> Draft:
    classification, trades = plot.dice.one_of(_BUSINESSES)
    organisation = f"{names.word(plot.dice)} {plot.dice.one_of(trades).upper()}"
    if number.end_number:
        return Draft(classification, location, lpis, parent, organisation, building_name=str(number))
    return Draft(classification, location, lpis, parent, organisation, building_number=str(number))


def _shop_with_flats(plot: Plot) -> None:
    number, location = Numbering(plot.next_number()), plot.somewhere_near()
    shell = plot.add(Draft(Classification.SHELL, location, [Identifier(plot.street, pao=number)], building_number=str(number)))
    lpis = [Identifier(plot.street, sao_text="GROUND FLOOR SHOP", pao=number)]
    plot.add(_business(plot, number, location, lpis, shell))
    floors = ("FIRST FLOOR FLAT", "SECOND FLOOR FLAT")
    for floor in floors[: min(plot.left, plot.dice.between(1, 2))]:
        own = [Identifier(plot.street, sao_text=floor, pao=number)]
        plot.add(Draft(Classification.FLAT, location, own, shell, sub_building=floor, building_number=str(number)))


def named_buildings(plot: Plot) -> None:
    """Fills the plot with buildings that have a name and no number; a terrace takes the rest."""
    at = plot.dice.between(0, len(names.FORMER_USES) - 1)
    for step in range(min(plot.room, 12)):
        use = names.FORMER_USES[(at + step) % len(names.FORMER_USES)].upper()
        lpis = [Identifier(plot.street, pao_text=f"THE OLD {use}")]
        if plot.dice.chance(0.2):
            lpis.append(Identifier(plot.street, LogicalStatus.HISTORICAL, pao_text=use))
        plot.add(Draft(Classification.DWELLING, plot.somewhere_near(), lpis, building_name=f"THE OLD {use}"))
    terrace(plot)
