"""What every resource of postcodes.io's surface has in common: the error shape, how it reads numbers, how it shows a place.

The shapes are those of February 2026 (https://postcodes.io/docs); what open data for London does not give here is null. Public, as there.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Self

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.addresses.api.cors import ANY_ORIGIN
from services.addresses.domain.errors import Refusal
from services.addresses.domain.geography.crs import Crs, Place, to_grid
from services.addresses.domain.geography.postcode import PartialPostcode, Postcode, unfinished
from services.addresses.gazetteer.files.postcodes import LivePostcode, Outcode, TerminatedPostcode
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from services.addresses.gazetteer.serving.live import LiveRelease
from shared.http import HttpFailure, Problem, Router, provided
from shared.http.openapi import SurfaceDocument, documented_as

LONGEST_POSTCODE = 32
"""Characters: a postcode with any sensible amount of space. postcodes.io has no bound; longer text is not a postcode either way."""
DEFAULT_LIMIT, MOST = 10, 100
WIDE_METRES = 20_000.0
Live = Annotated[LiveRelease, Depends(provided(LiveRelease))]
EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,18})", re.ASCII)
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)", re.ASCII)
_OUTCODE = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?", re.ASCII)
_SPACED = re.compile(r"(\w+)\s+(\w+)", re.ASCII)


_ERROR = {
    "type": "object",
    "required": ["status", "error"],
    "properties": {"status": {"type": "integer"}, "error": {"type": "string"}, "terminated": {"type": "object"}},
}


DOCUMENT = SurfaceDocument(
    "PostcodesIoError",
    _ERROR,
    description="postcodes.io's API for London's postcodes: public, with its shapes, errors too. What open data does not give is null.",
)


@documented_as(DOCUMENT)
def as_postcodes_io(_: Request, failure: HttpFailure) -> Response:
    """postcodes.io's errors: the status again, and a sentence."""
    headers = {**failure.headers, **ANY_ORIGIN}
    return JSONResponse({"status": failure.status, "error": failure.detail, **failure.extensions}, failure.status, headers)


def router(prefix: str) -> Router:
    """A router of this surface."""
    return Router(prefix=prefix, tags=["postcodes.io"], errors=as_postcodes_io)


def found(result: Any) -> Response:
    """The answer to a question that could be answered, also by null."""
    return JSONResponse({"status": 200, "result": result}, headers=ANY_ORIGIN)


def missing(error: str, **more: Any) -> Problem:
    """404 with one of its sentences."""
    return Problem(404, error, **more)


def resource_not_found() -> Problem:
    """What it says of paths that it does not have, and of methods that they do not take."""
    return missing("Resource not found")


# ------------------------------------------------------------------ reading


def whole_postcode(text: str) -> Postcode | None:
    """A postcode in any case, with or without its space; None for other text."""
    return Postcode.parse(text) if len(text) <= LONGEST_POSTCODE else None


def search_limit(text: str | None) -> int:
    """How many results a search may give: what is no number or none counts as not given."""
    limit = _leading(_INTEGER, text)
    return DEFAULT_LIMIT if limit is None or limit < 1 else min(int(limit), MOST)


@dataclass(frozen=True, slots=True)
class Nearby:
    """How far around a point is looked, in metres, and how many are wanted."""

    radius: float
    limit: int

    @classmethod
    def read(cls, limit: object, radius: object, *, default_radius: float, most_radius: float, wide: bool = False) -> Self:
        """Numbers or text that begins with one; too much is cut to the most there is. 400 for what is no number."""
        wanted = DEFAULT_LIMIT if _is_absent(limit) else _leading(_INTEGER, limit)
        if wanted is None or wanted < 1:
            raise Problem(400, "Invalid result limit submitted")
        metres = default_radius if _is_absent(radius) else _leading(_NUMBER, radius)
        if metres is None or metres < 0:
            raise Problem(400, "Invalid lookup radius submitted")
        if wide:
            return cls(WIDE_METRES, min(int(wanted), DEFAULT_LIMIT))
        return cls(min(metres, most_radius), min(int(wanted), MOST))


def place(longitude: object, latitude: object) -> Place | None:
    """The point on the grid; None where it is not in Great Britain. 400 for what are no numbers."""
    east, north = _leading(_NUMBER, longitude), _leading(_NUMBER, latitude)
    if east is None or north is None:
        raise Problem(400, "Invalid longitude/latitude submitted")
    try:
        return to_grid(Crs.EPSG_4258, [(north, east)], "point")[0]
    except Refusal:
        return None


def _is_absent(value: object) -> bool:
    return value is None or value == ""


def _leading(form: re.Pattern[str], value: object) -> float | None:
    """The number that a text begins with, as JavaScript reads it; a number itself."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    read = form.match(str(value))
    return float(read[1]) if read else None


def beginning(gazetteer: Gazetteer, text: str, limit: int) -> list[LivePostcode]:
    """Live postcodes that begin with the text, in order: a district's own first, then by the space, then without regard to it.

    A whole postcode gives itself alone.
    """
    typed = text.upper().strip()[:LONGEST_POSTCODE]
    compact = "".join(typed.split())
    if (whole := whole_postcode(typed)) and (live := gazetteer.postcode(whole)):
        return [live]
    readings: list[list[PartialPostcode]] = []
    if _OUTCODE.fullmatch(typed):
        readings.append([PartialPostcode(f"{typed} ")])
    if spaced := _SPACED.fullmatch(typed):
        readings.append([PartialPostcode(f"{spaced[1]} {spaced[2]}")])
    readings.append(list(unfinished(compact, gazetteer.outwards)) if compact.isascii() and compact.isalnum() else [])
    for begun in readings:
        all_found = [live for one in begun for live in gazetteer.beginning_with(one, None, limit)]
        if all_found:
            unique = {str(live.postcode): live for live in all_found}
            return sorted(unique.values(), key=lambda live: f"{live.postcode.outward}{live.postcode.inward}")[:limit]
    return []


# ------------------------------------------------------------------ showing

# Fields of the original that nothing shipped here can fill.
_NOT_HELD = (
    "nhs_ha", "primary_care_trust", "lsoa", "msoa", "parliamentary_constituency", "parliamentary_constituency_2024", "parish",
    "admin_county", "ced", "ccg", "nuts", "pfa", "nhs_region", "ttwa", "national_park", "bua", "icb", "cancer_alliance", "lsoa11", "msoa11",
    "lsoa21", "msoa21", "oa21", "ruc11", "ruc21", "lep1", "lep2",
)  # fmt: skip
_CODES_NOT_HELD = (
    "admin_county", "parish", "parliamentary_constituency", "parliamentary_constituency_2024", "ccg", "ccg_id", "ced", "nuts", "lsoa",
    "msoa", "lau2", "pfa", "nhs_region", "ttwa", "national_park", "bua", "icb", "cancer_alliance", "lsoa21", "msoa21", "oa21", "ruc11",
    "ruc21", "lep1", "lep2",
)  # fmt: skip


def postcode_result(live: LivePostcode, *, distance: float | None = None) -> dict[str, Any]:
    """A live postcode; `distance` in metres where one was asked for."""
    return {
        **dict.fromkeys(_NOT_HELD),
        "postcode": str(live.postcode),
        "quality": live.quality,
        "eastings": live.location.easting,
        "northings": live.location.northing,
        "country": "England",  # true of all of London, as are the two regions
        "longitude": live.lng,
        "latitude": live.lat,
        "european_electoral_region": "London",
        "region": "London",
        "incode": live.postcode.inward,
        "outcode": live.postcode.outward,
        "admin_district": live.borough_name,
        "date_of_introduction": live.introduced,
        "admin_ward": live.ward_name,
        "codes": {
            **dict.fromkeys(_CODES_NOT_HELD),
            "admin_district": live.borough,
            "admin_ward": live.ward,
            "lsoa11": live.lsoa_2011,
            "msoa11": live.msoa_2011,
        },
        **({} if distance is None else {"distance": round(distance, 8)}),
    }


def terminated_result(ended: TerminatedPostcode) -> dict[str, Any]:
    """A postcode that is no longer live."""
    return {
        "postcode": str(ended.postcode),
        "year_terminated": ended.year,
        "month_terminated": ended.month,
        "longitude": ended.lng,
        "latitude": ended.lat,
    }


def outcode_result(district: Outcode, *, distance: float | None = None) -> dict[str, Any]:
    """A district; `distance` in metres where one was asked for."""
    return {
        "outcode": district.outcode,
        "longitude": district.lng,
        "latitude": district.lat,
        "northings": district.location.northing,
        "eastings": district.location.easting,
        "admin_district": list(district.boroughs),
        "parish": [],
        "admin_county": [],
        "admin_ward": list(district.wards),
        "country": ["England"],
        "parliamentary_constituency": [],
        **({} if distance is None else {"distance": round(distance, 8)}),
    }
