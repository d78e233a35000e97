"""Makes OS Places' results of the gazetteer's records: Royal Mail's address (DPA) and the local authority's addresses (LPI).

Fields follow the API's technical specification: codes are text, coordinates and MATCH are numbers, LOCAL_CUSTODIAN_CODE is an integer,
dates are dd/mm/yyyy. Empty fields are absent. Addresses are in capitals, as OS publishes them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import floor
from typing import Any

from services.addresses.domain.addressbase.classifications import description
from services.addresses.domain.addressbase.records import Blpu, DeliveryPoint, Language, Lpi
from services.addresses.domain.geography.crs import METRE_DECIMALS, Crs, shown

from . import code_lists as codes
from .filters import NO_FILTERS, Filters

_LANGUAGES = {Language.ENGLISH: "EN", Language.WELSH: "CY"}
_EXACT, _GOOD, _PARTIAL = 1.0, 0.8, 0.7
_ROUNDING = 1e-9
"""Tolerance of sums: it keeps a score of 0.7999999 from being cut to 0.7 in place of 0.8."""


class Dataset(StrEnum):
    """The source of an address."""

    DPA = "DPA"
    """Royal Mail's delivery point address."""
    LPI = "LPI"
    """The local authority's land and property identifier."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The datasets, languages and filters that select addresses of a property."""

    datasets: tuple[Dataset, ...] = (Dataset.DPA,)
    languages: frozenset[Language] = frozenset(Language)
    filters: Filters = NO_FILTERS

    def of(self, blpu: Blpu) -> Iterator["Address"]:
        """Yields the selected addresses of a property in the order of the datasets."""
        for dataset in self.datasets:
            if dataset is Dataset.LPI:
                yield from (Address(blpu, lpi) for lpi in blpu.lpis if lpi.language in self.languages and self.filters.hold(blpu, lpi))
            elif blpu.delivery_point and Language.ENGLISH in self.languages and self.filters.hold(blpu, None):
                yield Address(blpu)


@dataclass(frozen=True, slots=True)
class Address:
    """One result: an LPI of a property, or its delivery point if `lpi` is None."""

    blpu: Blpu
    lpi: Lpi | None = None

    def as_result(self, crs: Crs, score: float = 1.0, precision: int = 1) -> dict[str, dict[str, Any]]:
        """Returns `{"DPA": {...}}` or `{"LPI": {...}}`. Cuts `score` (0 to 1) to `precision` decimals for MATCH."""
        if self.lpi:
            return {"LPI": _lpi(self.blpu, self.lpi, crs, match(score, precision))}
        if self.blpu.delivery_point:
            return {"DPA": _dpa(self.blpu, self.blpu.delivery_point, crs, match(score, precision))}
        raise ValueError(f"{self.blpu.uprn} has no delivery point")


def match(score: float, precision: int) -> tuple[float, str]:
    """Returns MATCH and MATCH_DESCRIPTION: 1.0 is exact, from 0.8 good, from 0.7 partial, below that no match."""
    scale = 10**precision
    cut = floor(score * scale + _ROUNDING * scale) / scale
    if cut >= _EXACT:
        return 1.0, "EXACT"
    if cut >= _GOOD:
        return cut, "GOOD"
    return cut, "PARTIAL" if cut >= _PARTIAL else "NO MATCH"


def _dpa(blpu: Blpu, point: DeliveryPoint, crs: Crs, matched: tuple[float, str]) -> dict[str, Any]:
    return _without_empty(
        {
            "UPRN": str(blpu.uprn),
            "UDPRN": str(point.udprn),
            "ADDRESS": dpa_line(point),
            "PO_BOX_NUMBER": point.po_box_number,
            "ORGANISATION_NAME": point.organisation_name.upper(),
            "DEPARTMENT_NAME": point.department_name.upper(),
            "SUB_BUILDING_NAME": point.sub_building_name.upper(),
            "BUILDING_NAME": point.building_name.upper(),
            "BUILDING_NUMBER": point.building_number,
            "DEPENDENT_THOROUGHFARE_NAME": point.dependent_thoroughfare.upper(),
            "THOROUGHFARE_NAME": point.thoroughfare.upper(),
            "DOUBLE_DEPENDENT_LOCALITY": point.double_dependent_locality.upper(),
            "DEPENDENT_LOCALITY": point.dependent_locality.upper(),
            "POST_TOWN": point.post_town.upper(),
            "POSTCODE": point.postcode,
            **_of_both(blpu, crs),
            "LANGUAGE": "EN",
            "MATCH": matched[0],
            "MATCH_DESCRIPTION": matched[1],
            "DELIVERY_POINT_SUFFIX": point.delivery_point_suffix,
        }
    )


def _lpi(blpu: Blpu, lpi: Lpi, crs: Crs, matched: tuple[float, str]) -> dict[str, Any]:
    return _without_empty(
        {
            "UPRN": str(blpu.uprn),
            "ADDRESS": lpi_line(blpu, lpi),
            "USRN": str(lpi.usrn) if lpi.usrn else "",
            "LPI_KEY": lpi.lpi_key,
            "ORGANISATION": blpu.organisation.upper(),
            "SAO_START_NUMBER": _number(lpi.sao.start_number),
            "SAO_START_SUFFIX": lpi.sao.start_suffix,
            "SAO_END_NUMBER": _number(lpi.sao.end_number),
            "SAO_END_SUFFIX": lpi.sao.end_suffix,
            "SAO_TEXT": lpi.sao_text.upper(),
            "PAO_START_NUMBER": _number(lpi.pao.start_number),
            "PAO_START_SUFFIX": lpi.pao.start_suffix,
            "PAO_END_NUMBER": _number(lpi.pao.end_number),
            "PAO_END_SUFFIX": lpi.pao.end_suffix,
            "PAO_TEXT": lpi.pao_text.upper(),
            "STREET_DESCRIPTION": lpi.street.upper(),
            "LOCALITY_NAME": lpi.locality.upper(),
            "TOWN_NAME": lpi.town.upper(),
            "ADMINISTRATIVE_AREA": lpi.administrative_area.upper(),
            "AREA_NAME": lpi.area_name.upper(),
            "POSTCODE_LOCATOR": blpu.postcode_locator or blpu.postcode,
            **_of_both(blpu, crs),
            "STREET_STATE_CODE": lpi.street_state,
            "STREET_STATE_CODE_DESCRIPTION": codes.STREET_STATE.get(lpi.street_state, ""),
            "STREET_CLASSIFICATION_CODE": lpi.street_classification,
            "STREET_CLASSIFICATION_CODE_DESCRIPTION": codes.STREET_CLASSIFICATION.get(lpi.street_classification, ""),
            "LPI_LOGICAL_STATUS_CODE": str(int(lpi.logical_status)),
            "LPI_LOGICAL_STATUS_CODE_DESCRIPTION": codes.STATUS[lpi.logical_status],
            "LANGUAGE": _LANGUAGES[lpi.language],
            "MATCH": matched[0],
            "MATCH_DESCRIPTION": matched[1],
        }
    )


def _of_both(blpu: Blpu, crs: Crs) -> dict[str, Any]:
    custodian, custodian_name = codes.custodian(blpu.custodian, blpu.borough)
    on_earth = shown(crs, blpu.latitude, blpu.longitude)
    state = blpu.state
    return {
        "RPC": str(blpu.rpc),
        "X_COORDINATE": round(float(blpu.easting), METRE_DECIMALS),
        "Y_COORDINATE": round(float(blpu.northing), METRE_DECIMALS),
        "LNG": on_earth[0] if on_earth else None,
        "LAT": on_earth[1] if on_earth else None,
        "STATUS": codes.STATUS[blpu.logical_status],
        "LOGICAL_STATUS_CODE": str(int(blpu.logical_status)),
        "CLASSIFICATION_CODE": blpu.classification,
        "CLASSIFICATION_CODE_DESCRIPTION": description(blpu.classification),
        "LOCAL_CUSTODIAN_CODE": custodian or None,
        "LOCAL_CUSTODIAN_CODE_DESCRIPTION": custodian_name,
        "COUNTRY_CODE": blpu.country,
        "COUNTRY_CODE_DESCRIPTION": codes.COUNTRY.get(blpu.country, ""),
        "POSTAL_ADDRESS_CODE": blpu.postal_address,
        "POSTAL_ADDRESS_CODE_DESCRIPTION": codes.POSTAL_ADDRESS.get(blpu.postal_address, ""),
        "BLPU_STATE_CODE": str(int(state)) if state else "",
        "BLPU_STATE_CODE_DESCRIPTION": codes.BLPU_STATE[state] if state else codes.NO_BLPU_STATE,
        "TOPOGRAPHY_LAYER_TOID": blpu.toid,
        "WARD_CODE": blpu.ward,
        "PARISH_CODE": blpu.parish,
        "PARENT_UPRN": str(blpu.parent_uprn) if blpu.parent_uprn else "",
        "LAST_UPDATE_DATE": _day(blpu.last_update),
        "ENTRY_DATE": _day(blpu.entry_date or blpu.start_date),
        "LEGAL_NAME": blpu.legal_name.upper(),
        "BLPU_STATE_DATE": _day(blpu.state_date),
    }


def dpa_line(point: DeliveryPoint) -> str:
    """Formats Royal Mail's address on one line in PAF's order, with a comma after the building number."""
    return _line(
        (
            *(point.organisation_name, point.department_name, f"PO BOX {point.po_box_number}" if point.po_box_number else ""),
            *(point.sub_building_name, point.building_name, point.building_number),
            *(point.dependent_thoroughfare, point.thoroughfare, point.double_dependent_locality, point.dependent_locality),
            *(point.post_town, point.postcode),
        )
    )


def lpi_line(blpu: Blpu, lpi: Lpi) -> str:
    """Formats the local authority's address on one line; omits an administrative area with the name of the town."""
    area = "" if lpi.administrative_area.upper() == lpi.town.upper() else lpi.administrative_area
    within = (blpu.organisation, lpi.sao_text, str(lpi.sao), lpi.pao_text, str(lpi.pao))
    return _line((*within, lpi.street, lpi.locality, lpi.town, area, blpu.postcode_locator or blpu.postcode))


def _line(parts: Sequence[str]) -> str:
    return ", ".join(part for part in parts if part).upper()


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def _day(day: date | None) -> str:
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d}" if day else ""


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != ""}
