"""Assembles a record of the gazetteer from AddressBase Premium's records of one UPRN.

Numeric indexes are positions in `Incoming.fields`, which begin with the fourth column of the row.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache

from services.addresses.domain.addressbase.incoming import BadRowError
from services.addresses.domain.addressbase.records import (
    NO_NUMBERING,
    Blpu,
    BlpuState,
    DeliveryPoint,
    Language,
    LogicalStatus,
    Lpi,
    Numbering,
)
from services.addresses.domain.geography.boroughs import BOROUGHS, BY_CUSTODIAN

from . import premium_records as types

Fields = tuple[str, ...]
Parts = Mapping[str, Fields]

TOPOGRAPHY = "7666MT"
"""SOURCE of the identifier of the building in OS MasterMap's Topography Layer."""
_WARD, _PARISH, _IDENTIFIER = "E05", "E04", "osgb"
"""Prefixes of the cross references that have a field of their own in `Blpu`. Wards and parishes are recognised by prefix alone, because
the codes of their sources have changed."""
_ENGLISH_NAME = f"{types.DESCRIPTOR} {Language.ENGLISH}"
_STATUSES = {str(int(status)): status for status in LogicalStatus}
_STATES: dict[str, BlpuState | None] = {"": None, **{str(int(state)): state for state in BlpuState}}
_LANGUAGES = {str(language): language for language in Language}
_RANK = {LogicalStatus.APPROVED: 0, LogicalStatus.PROVISIONAL: 1, LogicalStatus.ALTERNATIVE: 2, LogicalStatus.HISTORICAL: 2}


@lru_cache(100_000)
def parse_date(text: str) -> date | None:
    """Parses an ISO 8601 date; None for an empty text."""
    return date.fromisoformat(text) if text else None


def premium_blpu(uprn: int, parts: Parts, street: Callable[[int], Parts], wards: Mapping[str, str]) -> Blpu | None:
    """Assembles a record from Premium's records (see `assemble.assemble` for parameters, None and errors).

    Sorts LPIs: approved, then provisional, then the rest; English before Welsh; then by key. Sorts cross references and successors by
    value. Of several delivery points, organisations, wards and classifications takes the one in force with the latest update. Omits LPIs
    in languages other than English and Welsh.
    """
    held = _by_type(parts)
    if types.BLPU not in held:
        raise BadRowError(f"the BLPU (type 21) of UPRN {uprn} is missing")
    fields = held[types.BLPU][0]
    references = _CrossReferences(held.get(types.CROSS_REFERENCE, ()))
    custodian = BY_CUSTODIAN.get(int(fields[10]))
    borough = custodian.gss if custodian else wards.get(references.ward, "")
    if borough not in BOROUGHS:
        return None
    organisation = _latest(held.get(types.ORGANISATION, ()), ends=5)
    return Blpu(
        uprn=uprn,
        logical_status=_STATUSES[fields[1]],
        state=_STATES[fields[2]],
        state_date=parse_date(fields[3]),
        parent_uprn=int(fields[4]) if fields[4] else None,
        easting=float(fields[5]),
        northing=float(fields[6]),
        latitude=float(fields[7]),
        longitude=float(fields[8]),
        rpc=int(fields[9]),
        custodian=int(fields[10]),
        country=fields[11],
        start_date=parse_date(fields[12]),
        end_date=parse_date(fields[13]),
        last_update=parse_date(fields[14]),
        entry_date=parse_date(fields[15]),
        postal_address=fields[16],
        postcode_locator=fields[17],
        multi_occupancy=int(fields[18] or 0),
        borough=borough,
        classification=_classification(uprn, held.get(types.CLASSIFICATION, ())),
        lpis=_lpis(held.get(types.LPI, ()), street),
        delivery_point=_delivery_point(held.get(types.DELIVERY_POINT, ())),
        organisation=organisation[2] if organisation else "",
        legal_name=organisation[3] if organisation else "",
        toid=references.toid,
        ward=references.ward,
        parish=references.parish,
        cross_references=references.others,
        successors=tuple(sorted(int(successor[6]) for successor in held.get(types.SUCCESSOR, ()) if not successor[3])),
    )


def _by_type(parts: Parts) -> dict[str, list[Fields]]:
    held: dict[str, list[Fields]] = {}
    for part, fields in parts.items():
        held.setdefault(part[:2], []).append(fields)
    return held


def _latest(records: Iterable[Fields], ends: int) -> Fields | None:
    """Returns the record in force with the latest update, of equals the one with the highest key; None if none is in force.

    `ends` is the index of END_DATE; LAST_UPDATE_DATE follows it. The key is the second field of each record.
    """
    return max((fields for fields in records if not fields[ends]), key=lambda fields: (fields[ends + 1], fields[1]), default=None)


def _classification(uprn: int, records: Iterable[Fields]) -> str:
    """Returns the code of AddressBase's own scheme. A property that ended has none in force: the last one that ended counts."""
    own = [fields for fields in records if fields[3].startswith(types.OWN_SCHEMES)]
    found = _latest(own, ends=6) or max(own, key=lambda fields: (fields[6], fields[1]), default=None)
    if found is None:
        raise BadRowError(f"the classification (type 32) of UPRN {uprn} is missing")
    return found[2]


class _CrossReferences:
    """The cross references in force: ward, parish and TOID in fields of their own, the others as pairs of source and key."""

    def __init__(self, records: Iterable[Fields]) -> None:
        left = sorted((fields for fields in records if not fields[6]), key=lambda fields: (fields[7], fields[1]))
        self.ward = _pop_last(left, lambda fields: fields[2].startswith(_WARD))
        self.parish = _pop_last(left, lambda fields: fields[2].startswith(_PARISH))
        self.toid = _pop_last(left, lambda fields: fields[4] == TOPOGRAPHY and fields[2].startswith(_IDENTIFIER))
        self.others = tuple(sorted((fields[4], fields[2]) for fields in left))


def _pop_last(left: list[Fields], wanted: Callable[[Fields], bool]) -> str:
    """Removes the last wanted record from the list and returns its cross reference; empty if none is wanted."""
    for at in range(len(left) - 1, -1, -1):
        if wanted(left[at]):
            return left.pop(at)[2]
    return ""


def _lpis(records: Iterable[Fields], street: Callable[[int], Parts]) -> tuple[Lpi, ...]:
    lpis = [_lpi(fields, street) for fields in records if fields[2] in _LANGUAGES]
    lpis.sort(key=lambda lpi: (_RANK[lpi.logical_status], lpi.language is not Language.ENGLISH, lpi.lpi_key))
    return tuple(lpis)


def _lpi(fields: Fields, street: Callable[[int], Parts]) -> Lpi:
    usrn = int(fields[18])
    held = street(usrn)
    named, about = _descriptor(usrn, held, fields[2]), held.get(types.STREET)
    return Lpi(
        lpi_key=fields[1],
        language=_LANGUAGES[fields[2]],
        logical_status=_STATUSES[fields[3]],
        start_date=parse_date(fields[4]),
        end_date=parse_date(fields[5]),
        last_update=parse_date(fields[6]),
        sao=numbering(fields[8], fields[9], fields[10], fields[11]),
        sao_text=fields[12],
        pao=numbering(fields[13], fields[14], fields[15], fields[16]),
        pao_text=fields[17],
        usrn=usrn,
        area_name=fields[20],
        street=named[1],
        locality=named[2],
        town=named[3],
        administrative_area=named[4],
        street_state=about[3] if about else "",
        street_classification=about[6] if about else "",
    )


def _descriptor(usrn: int, held: Parts, language: str) -> Fields:
    """Returns the street descriptor in the LPI's language, else in English, else in the first language that it has."""
    for part in (f"{types.DESCRIPTOR} {language}", _ENGLISH_NAME, *sorted(part for part in held if part.startswith(types.DESCRIPTOR))):
        if part in held:
            return held[part]
    raise BadRowError(f"the name (type 15) of the street with USRN {usrn} is missing")


@lru_cache(100_000)
def numbering(start: str, start_suffix: str, end: str, end_suffix: str) -> Numbering:
    """Makes a range of numbers from the columns of an SAO or PAO."""
    if not (start or start_suffix or end or end_suffix):
        return NO_NUMBERING
    return Numbering(int(start) if start else None, start_suffix, int(end) if end else None, end_suffix)


def _delivery_point(records: Iterable[Fields]) -> DeliveryPoint | None:
    fields = _latest(records, ends=23)
    if fields is None:
        return None
    return DeliveryPoint(
        udprn=int(fields[1]),
        organisation_name=fields[2],
        department_name=fields[3],
        sub_building_name=fields[4],
        building_name=fields[5],
        building_number=fields[6],
        dependent_thoroughfare=fields[7],
        thoroughfare=fields[8],
        double_dependent_locality=fields[9],
        dependent_locality=fields[10],
        post_town=fields[11],
        postcode=add_space(fields[12]),
        delivery_point_suffix=fields[14],
        po_box_number=fields[20],
        last_update=parse_date(fields[24]),
    )


def add_space(postcode: str) -> str:
    """Returns a postcode with the space before its inward code."""
    return postcode if len(postcode) < 5 or postcode[-4] == " " else f"{postcode[:-3]} {postcode[-3:]}"
