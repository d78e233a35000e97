"""Made-up premises on real postcodes, the same for the same seed on every machine.

Neighbouring postcodes share a street. Each postcode is a terrace (some of its houses divided into flats), a named block of flats, a
parade of shops with flats above, or a few named buildings. A premises' UPRN depends on the seed, its postcode and its place in it
alone, so that it stays when other postcodes come or go.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from random import Random

from . import made_up_names as names
from .postcode import Postcode
from .premises import MADE_UP_UPRNS, Classification, Delivery, Kind, Location, Premises, Street

VERSION = 1
"""Raised whenever the same seed would give other premises, so that a release says what made it."""


@dataclass(frozen=True, slots=True)
class Site:
    """A real postcode that premises are put on."""

    postcode: Postcode
    borough: str
    location: Location


class Dice:
    """Choices from a seed. Built on `Random.random()` alone, the one method whose sequence Python guarantees across versions."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed).random

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._random() * (high - low + 1))

    def one_of(self, options: Sequence[str]) -> str:
        """One option, each as likely."""
        return options[int(self._random() * len(options))]

    def chance(self, probability: float) -> bool:
        """True as often as `probability` says."""
        return self._random() < probability


@dataclass(slots=True)
class Gazetteer:
    """Streets and premises as they are generated. A street's premises follow each other."""

    streets: list[Street] = field(default_factory=list)
    premises: list[Premises] = field(default_factory=list)


def generate(sites: Sequence[Site], seed: int) -> Gazetteer:
    """Streets and premises on every site. Order of `sites` does not matter; the result depends on them and the seed alone."""
    made = Gazetteer()
    names_taken: set[str] = set()
    uprns = _Uprns(seed)
    ordered = sorted(sites, key=lambda site: (site.borough, site.postcode.sector, str(site.postcode)))
    for (borough, sector), group in groupby(ordered, key=lambda site: (site.borough, site.postcode.sector)):
        dice = Dice(f"{seed}:{borough}:{sector}")
        for along in _streets(list(group), dice):
            street = Street(
                number=len(made.streets) + 1,
                name=_new_street_name(dice, names_taken),
                borough=borough,
                postcodes=tuple(str(site.postcode) for site in along),
                location=along[len(along) // 2].location,
            )
            made.streets.append(street)
            made.premises.extend(_along(street, along, dice, uprns))
    return made


def _streets(sites: list[Site], dice: Dice) -> Iterator[list[Site]]:
    start = 0
    while start < len(sites):
        end = start + dice.between(2, 7)
        yield sites[start:end]
        start = end


def _new_street_name(dice: Dice, taken: set[str]) -> str:
    while True:
        name = f"{dice.one_of(names.STREET_STARTS)}{dice.one_of(names.STREET_ENDS)} {dice.one_of(names.STREET_TYPES)}"
        if name not in taken:
            taken.add(name)
            return name


class _Uprns:
    """Numbers in the made-up range: a hash of what the premises is, the next free one where two meet."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._taken: set[int] = set()

    def of(self, postcode: str, ordinal: int) -> int:
        digest = blake2b(f"{self._seed}:{postcode}:{ordinal}".encode(), digest_size=8).digest()
        offset = int.from_bytes(digest) % len(MADE_UP_UPRNS)
        while offset in self._taken:
            offset = (offset + 1) % len(MADE_UP_UPRNS)
        self._taken.add(offset)
        return MADE_UP_UPRNS[offset]


class _Plot:
    """One postcode of a street while its premises are put on it; numbers run on from `first_number`, one side of the street."""

    def __init__(self, site: Site, street: Street, dice: Dice, uprns: _Uprns, first_number: int) -> None:
        self.dice = dice
        self.number = first_number
        self.premises: list[Premises] = []
        self._site = site
        self._street = street
        self._uprns = uprns

    def next_number(self) -> str:
        number, self.number = self.number, self.number + 2
        return str(number)

    def somewhere_near(self) -> Location:
        """Within 25 m of the postcode's point, in each direction."""
        at = self._site.location
        return Location(at.easting + self.dice.between(-25, 25), at.northing + self.dice.between(-25, 25))

    def add(self, classification: Classification, location: Location, *, parent: Premises | None = None, **parts: str) -> Premises:
        postcode = str(self._site.postcode)
        added = Premises(
            uprn=self._uprns.of(postcode, len(self.premises)),
            parent=parent.uprn if parent else None,
            kind=Kind.SHELL if classification is Classification.SHELL else Kind.PREMISES,
            classification=classification,
            delivery=Delivery(street=self._street.name, postcode=postcode, **parts),
            street=self._street.number,
            borough=self._site.borough,
            location=location,
        )
        self.premises.append(added)
        return added


def _along(street: Street, sites: list[Site], dice: Dice, uprns: _Uprns) -> Iterator[Premises]:
    next_number = {0: 2, 1: 1}
    for site in sites:
        side = dice.between(0, 1)
        plot = _Plot(site, street, dice, uprns, next_number[side])
        _kind_of_plot(dice)(plot)
        next_number[side] = plot.number
        yield from plot.premises


def _kind_of_plot(dice: Dice) -> Callable[[_Plot], None]:
    return {"terrace": _terrace, "block": _block, "parade": _parade, "named": _named_buildings}[
        dice.one_of(("terrace", "terrace", "terrace", "terrace", "terrace", "block", "block", "parade", "parade", "named"))
    ]


def _terrace(plot: _Plot) -> None:
    for _ in range(plot.dice.between(3, 8)):
        number, location = plot.next_number(), plot.somewhere_near()
        if not plot.dice.chance(0.15):
            plot.add(Classification.HOUSE, location, building_number=number)
            continue
        shell = plot.add(Classification.SHELL, location, building_number=number)
        letters = [f"Flat {letter}" for letter in "ABCD"]
        for flat in (letters if plot.dice.chance(0.5) else names.FLOORS)[: plot.dice.between(2, 4)]:
            plot.add(Classification.FLAT, location, parent=shell, sub_building=flat, building_number=number)


def _block(plot: _Plot) -> None:
    name = f"{plot.dice.one_of(names.STREET_STARTS)}{plot.dice.one_of(names.STREET_ENDS)} {plot.dice.one_of(names.BLOCK_TYPES)}"
    number = plot.next_number() if plot.dice.chance(0.5) else ""
    location = plot.somewhere_near()
    shell = plot.add(Classification.SHELL, location, building_name=name, building_number=number)
    for flat in range(1, plot.dice.between(6, 16) + 1):
        plot.add(Classification.FLAT, location, parent=shell, sub_building=f"Flat {flat}", building_name=name, building_number=number)


def _parade(plot: _Plot) -> None:
    for _ in range(plot.dice.between(3, 6)):
        number, location = plot.next_number(), plot.somewhere_near()
        owner = f"{plot.dice.one_of(names.STREET_STARTS)}{plot.dice.one_of(names.STREET_ENDS)}"
        trade = plot.dice.one_of(names.SHOP_TRADES)
        if not plot.dice.chance(0.35):
            plot.add(Classification.SHOP, location, organisation=f"{owner} {trade}", building_number=number)
            continue
        shell = plot.add(Classification.SHELL, location, building_number=number)
        plot.add(Classification.SHOP, location, parent=shell, organisation=f"{owner} {trade}", building_number=number)
        plot.add(Classification.FLAT, location, parent=shell, sub_building="First Floor Flat", building_number=number)


def _named_buildings(plot: _Plot) -> None:
    uses = {plot.dice.one_of(names.FORMER_USES) for _ in range(plot.dice.between(1, 3))}
    for use in sorted(uses):
        plot.add(Classification.DWELLING, plot.somewhere_near(), building_name=f"The Old {use}")
