"""Shared parts of the postcodes.io resources: error shape, parsing of numbers, and views of places.

Shapes follow https://postcodes.io/docs as of February 2026. Fields without open data for London are null. The API is public, as the
original is.
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
"""Most characters of a postcode with its spaces. postcodes.io has no bound, but longer text is never a postcode."""
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
    """The error body of postcodes.io: the status and a sentence."""
    headers = {**failure.headers, **ANY_ORIGIN}
    return JSONResponse({"status": failure.status, "error": failure.detail, **failure.extensions}, failure.status, headers)


def router(prefix: str) -> Router:
    """Create a router of this API."""
    return Router(prefix=prefix, tags=["postcodes.io"], errors=as_postcodes_io)


def found(result: Any) -> Response:
    """Build the response to a successful request; the result may be null."""
    return JSONResponse({"status": 200, "result": result}, headers=ANY_ORIGIN)


def missing(error: str, **more: Any) -> Problem:
    """Build a 404 with a sentence of postcodes.io."""
    return Problem(404, error, **more)


def resource_not_found() -> Problem:
    """Build postcodes.io's response for unknown paths and methods."""
    return missing("Resource not found")


# ------------------------------------------------------------------ reading


def whole_postcode(text: str) -> Postcode | None:
    """Parse a postcode in any case, with or without its space; None for other text."""
    return Postcode.parse(text) if len(text) <= LONGEST_POSTCODE else None


def search_limit(text: str | None) -> int:
    """Parse the limit of a search; an invalid limit counts as not given."""
    limit = _leading(_INTEGER, text)
    return DEFAULT_LIMIT if limit is None or limit < 1 else min(int(limit), MOST)


@dataclass(frozen=True, slots=True)
class Nearby:
    """The radius in metres and the limit of a search around a point."""

    radius: float
    limit: int

    @classmethod
    def read(cls, limit: object, radius: object, *, default_radius: float, most_radius: float, wide: bool = False) -> Self:
        """Parse numbers, or text that begins with one, and cap them at the maximum. 400 for other values."""
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
    """Convert a place to National Grid; None outside Great Britain. 400 for values that are no numbers."""
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
    """Parse the number at the beginning of a text, as JavaScript's `parseInt` and `parseFloat` do; None if there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    read = form.match(str(value))
    return float(read[1]) if read else None


def beginning(gazetteer: Gazetteer, text: str, limit: int) -> list[LivePostcode]:
    """Find live postcodes by prefix, in order: those of the district, then matches with the space, then matches without it.

    A whole postcode finds only itself.
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
    """Build the view of a live postcode, with `distance` in metres if given."""
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
    """Build the view of a terminated postcode."""
    return {
        "postcode": str(ended.postcode),
        "year_terminated": ended.year,
        "month_terminated": ended.month,
        "longitude": ended.lng,
        "latitude": ended.lat,
    }


def outcode_result(district: Outcode, *, distance: float | None = None) -> dict[str, Any]:
    """Build the view of a district (outcode), with `distance` in metres if given."""
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
