"""Generates synthetic premises on real postcodes as `Blpu` records, the same for the same seed on every machine.

Neighbouring postcodes share a street. A postcode has a terrace (with some houses divided into flats), blocks of flats, a parade of shops
with flats above, or a few named buildings. This kind and the UPRNs depend only on the seed and the postcode; street and house numbers
depend on the postcodes of the sector. All text is in capitals, as in AddressBase. Keeps the sites and one sector in memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter

from services.addresses.domain.addressbase.records import Blpu, DeliveryPoint, LogicalStatus, Lpi
from services.addresses.domain.geography.boroughs import BOROUGHS, Borough
from services.addresses.domain.geography.location import Location
from services.addresses.domain.geography.national_grid import to_lng_lat
from services.addresses.domain.geography.postcode import Postcode

from . import names, plots
from .identifiers import MADE_UP_UPRNS, PER_POSTCODE, MadeUpNumbers
from .plots import Classification, Draft, MadeUpStreet, Plot
from .random_choice import Dice

VERSION = 4
"""Increase it when the same seed gives other premises, because a release records the version that made it."""

_EPOCH = date(1995, 1, 1).toordinal()
_RENUMBERED = date(2012, 4, 1)
"""The day on which all historical LPIs ended."""
_UPDATED = date(2025, 9, 1)
OPEN, CLOSED = "2", "4"
"""STREET_STATE_CODE."""
_POST_TOWNS = {
    "BR": "BROMLEY", "CM": "ROMFORD", "CR": "CROYDON", "DA": "DARTFORD", "EN": "ENFIELD", "HA": "HARROW", "IG": "ILFORD",
    "KT": "KINGSTON UPON THAMES", "RM": "ROMFORD", "SM": "SUTTON", "TN": "WESTERHAM", "TW": "TWICKENHAM", "UB": "UXBRIDGE", "WD": "WATFORD",
}  # fmt: skip
"""The chief post town of each post area outside the London post town; the other towns of an area take its name."""


@dataclass(frozen=True, slots=True)
class Site:
    """A real postcode for synthetic premises."""

    postcode: Postcode
    borough: str
    location: Location
    ward: str = ""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A site, its sector in the order of UPRNs, the kind of its premises and their number."""

    site: Site
    sector: int
    kind: str
    room: int


_KINDS: dict[str, Callable[[Plot], None]] = {
    "terrace": plots.terrace, "block": plots.blocks, "parade": plots.parade, "named": plots.named_buildings,
}  # fmt: skip
_MIX = ("terrace",) * 5 + ("block",) * 2 + ("parade",) * 2 + ("named",)
_ROOM = {"terrace": (4, 11), "block": (8, 17), "parade": (5, 11), "named": (1, 4)}
"""Minimum and maximum of the premises on a postcode of each kind, at density 1."""


def generate(sites: Sequence[Site], seed: int, *, premises: int | None = None) -> Iterator[Blpu]:
    """Yields premises on the sites in the order of their UPRNs. `sites` come in any order, each postcode at most once.

    Yields about 8 premises a postcode, or exactly `premises` in all, on fewer postcodes or closer together. Raises ValueError for a
    postcode outside London's post areas, and for more than 99 premises a postcode.
    """
    numbers = MadeUpNumbers(seed)
    planned = _plan(sites, seed, numbers, premises)
    planned.sort(key=lambda plan: (plan.sector, plan.site.postcode.inward))
    for sector, group in groupby(planned, key=attrgetter("sector")):
        yield from _sector(sector, list(group), seed, numbers)


def _plan(sites: Sequence[Site], seed: int, numbers: MadeUpNumbers, premises: int | None) -> list[_Planned]:
    drawn = [(site, numbers.sector(site.postcode), *_draw(seed, site.postcode)) for site in sites]
    if premises is None:
        return [_Planned(site, sector, kind, room) for site, sector, kind, room in drawn]
    if not 0 < premises <= len(sites) * PER_POSTCODE:
        raise ValueError(f"{len(sites)} postcodes hold 1 to {len(sites) * PER_POSTCODE} made-up premises, not {premises}")
    # Take whole sectors in an order drawn from the seed. If all are too few, put the premises closer together.
    drawn.sort(key=lambda row: (_hash(f"{seed}:{row[1]}"), row[0].postcode.inward))
    plain = sum(row[3] for row in drawn)
    density = max(1.0, premises / plain)
    planned: list[_Planned] = []
    missing = premises
    for site, sector, kind, room in drawn:
        if missing == 0:
            break
        closer = min(PER_POSTCODE, missing, round(room * density))
        planned.append(_Planned(site, sector, kind, closer))
        missing -= closer
    for at, plan in enumerate(planned):
        if missing == 0:
            break
        more = min(PER_POSTCODE - plan.room, missing)
        planned[at] = _Planned(plan.site, plan.sector, plan.kind, plan.room + more)
        missing -= more
    return planned


def _draw(seed: int, postcode: Postcode) -> tuple[str, int]:
    """Draws kind and number of a postcode's premises from the seed and the postcode alone."""
    drawn = _hash(f"{seed}:{postcode}")
    kind = _MIX[drawn % len(_MIX)]
    low, high = _ROOM[kind]
    return kind, low + drawn // len(_MIX) % (high - low + 1)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def _sector(sector: int, planned: list[_Planned], seed: int, numbers: MadeUpNumbers) -> Iterator[Blpu]:
    """Yields the premises of one sector. A street lies in one borough, and its name is unique in the sector."""
    taken: set[str] = set()
    streets = 0
    drafts: dict[int, tuple[_Planned, MadeUpStreet, list[Draft]]] = {}
    for borough, group in groupby(sorted(planned, key=lambda plan: plan.site.borough), key=lambda plan: plan.site.borough):
        dice = Dice(f"{seed}:{borough}:{sector}")
        behind: MadeUpStreet | None = None
        for along in _streets(list(group), dice):
            former = MadeUpStreet(numbers.usrn(sector, streets + 1), _new_name(dice, taken)) if dice.chance(0.08) else None
            street = MadeUpStreet(numbers.usrn(sector, streets), _new_name(dice, taken), former)
            streets += 2
            for plan, made in _along(street, behind, along, seed, dice):
                drafts[numbers.first_uprn(sector, plan.site.postcode)] = plan, street, made
            behind = street
    yield from _records(drafts)


def _streets(planned: list[_Planned], dice: Dice) -> Iterator[list[_Planned]]:
    start = 0
    while start < len(planned):
        end = start + dice.between(2, 7)
        yield planned[start:end]
        start = end


def _new_name(dice: Dice, taken: set[str]) -> str:
    name = names.street(dice)
    while name in taken:
        name = names.street(dice)
    taken.add(name)
    return name


def _along(
    street: MadeUpStreet, behind: MadeUpStreet | None, along: list[_Planned], seed: int, dice: Dice
) -> Iterator[tuple[_Planned, list[Draft]]]:
    next_number = {0: 2, 1: 1}
    for plan in along:
        side = dice.between(0, 1)
        own = Dice(f"{seed}:{plan.site.postcode}")
        plot = Plot(plan.site.location, street, behind, own, next_number[side], plan.room)
        _KINDS[plan.kind](plot)
        next_number[side] = plot.number
        yield plan, plot.drafts


def _records(drafts: dict[int, tuple[_Planned, MadeUpStreet, list[Draft]]]) -> Iterator[Blpu]:
    locations = [draft.location for _, _, made in drafts.values() for draft in made]
    points = to_lng_lat((place.easting for place in locations), (place.northing for place in locations))
    placed = {first: [next(points) for _ in made] for first, (_, _, made) in drafts.items()}
    for first in sorted(drafts):
        plan, street, made = drafts[first]
        children = {id(draft.parent): 0 for draft in made if draft.parent}
        for draft in made:
            if draft.parent:
                children[id(draft.parent)] += 1
        for draft, (longitude, latitude) in zip(made, placed[first], strict=True):
            yield _record(first, plan.site, street, draft, point=(longitude, latitude), children=children.get(id(draft), 0))


def _record(first: int, site: Site, street: MadeUpStreet, draft: Draft, *, point: tuple[float, float], children: int) -> Blpu:
    uprn = first + draft.ordinal
    borough = BOROUGHS[site.borough]
    shell = draft.classification is Classification.SHELL
    built = _built(uprn)
    postcode = str(site.postcode)
    town = _POST_TOWNS.get(site.postcode.outward.rstrip("0123456789"), "LONDON")
    return Blpu(
        uprn=uprn,
        easting=float(draft.location.easting),
        northing=float(draft.location.northing),
        latitude=point[1],
        longitude=point[0],
        borough=site.borough,
        classification=draft.classification.value,
        lpis=_lpis(uprn, draft, street, borough, town),
        delivery_point=None if shell else _delivery_point(uprn, draft, street, postcode, town),
        state_date=built,
        parent_uprn=first + draft.parent.ordinal if draft.parent else None,
        custodian=borough.custodian,
        postal_address="C" if shell else "D",
        postcode_locator=postcode,
        multi_occupancy=children,
        toid=f"osgb99{first + (draft.parent or draft).ordinal}",
        ward=site.ward,
        organisation=draft.organisation,
        start_date=built,
        last_update=_UPDATED,
        entry_date=built,
    )


def _built(uprn: int) -> date:
    return date.fromordinal(_EPOCH + uprn % 6_000)


def _lpis(uprn: int, draft: Draft, street: MadeUpStreet, borough: Borough, town: str) -> tuple[Lpi, ...]:
    built, administrative_area = _built(uprn), borough.name.upper()
    renumbered = any(identifier.status is LogicalStatus.HISTORICAL for identifier in draft.identifiers)
    number = uprn - MADE_UP_UPRNS.start
    return tuple(
        Lpi(
            lpi_key=f"{borough.custodian}{'LABCD'[at]}{number:09d}",
            usrn=identifier.street.usrn,
            street=identifier.street.name,
            logical_status=identifier.status,
            sao=identifier.sao,
            sao_text=identifier.sao_text,
            pao=identifier.pao,
            pao_text=identifier.pao_text,
            town=town,
            administrative_area=administrative_area,
            start_date=_RENUMBERED if renumbered and identifier.status is not LogicalStatus.HISTORICAL else built,
            end_date=_RENUMBERED if identifier.status is LogicalStatus.HISTORICAL else None,
            last_update=_UPDATED,
            street_state=OPEN if identifier.status is not LogicalStatus.HISTORICAL or identifier.street is street else CLOSED,
            street_classification="8",
        )
        for at, identifier in enumerate(draft.identifiers)
    )


def _delivery_point(uprn: int, draft: Draft, street: MadeUpStreet, postcode: str, town: str) -> DeliveryPoint:
    return DeliveryPoint(
        udprn=uprn - MADE_UP_UPRNS.start,  # nine digits; Royal Mail's have eight
        postcode=postcode,
        post_town=town,
        organisation_name=draft.organisation,
        sub_building_name=draft.sub_building,
        building_name=draft.building_name,
        building_number=draft.building_number,
        dependent_thoroughfare=draft.estate,
        thoroughfare=street.name,
        delivery_point_suffix=f"{1 + draft.ordinal // 20}{'ABDEFGHJLNPQRSTUWXYZ'[draft.ordinal % 20]}",
        last_update=_UPDATED,
    )
