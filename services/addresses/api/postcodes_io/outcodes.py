"""postcodes.io's districts (`/outcodes`), terminated postcodes and random ones."""

from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.addresses.domain.geography.crs import Place
from services.addresses.gazetteer.files.postcodes import Outcode
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from shared.http import Problem

from .common import (
    EVERY_METHOD,
    Live,
    Nearby,
    found,
    missing,
    outcode_result,
    place,
    postcode_result,
    resource_not_found,
    terminated_result,
    whole_postcode,
)
from .common import router as new_router

DEFAULT_RADIUS, MOST_RADIUS = 5_000.0, 25_000.0
"""Metres."""
LONGEST_OUTCODE = 16
router = new_router("/outcodes")
terminated = new_router("/terminated_postcodes")
random = new_router("/random")

Code = Annotated[str, Path(description="A postcode district, in any case")]
Limit = Annotated[str | None, Query(description="Number of results: 10 by default, 100 at most")]
Radius = Annotated[str | None, Query(description="Metres: 5,000 unless said, 25,000 at most")]


@router.get("", response_class=JSONResponse)
async def outcodes_near_a_place(
    live: Live,
    request: Request,
    *,
    lon: Annotated[str | None, Query(description="Degrees; also `longitude`")] = None,
    lat: Annotated[str | None, Query(description="Degrees; also `latitude`")] = None,
    limit: Limit = None,
    radius: Radius = None,
) -> Response:
    """Find districts near a place, nearest first; null if there are none."""
    longitude, latitude = request.query_params.get("longitude") or lon, request.query_params.get("latitude") or lat
    if not longitude or not latitude:
        raise Problem(400, "Invalid longitude/latitude submitted")
    nearby, centre = _nearby(limit, radius), place(longitude, latitude)
    return _near(live.gazetteer, centre, nearby) if centre else found(None)


@router.get("/{outcode}", response_class=JSONResponse, responses={404: {"description": "`Outcode not found`"}})
async def outcode_lookup(live: Live, outcode: Code) -> Response:
    """Return a district: the centre of its postcodes, and the names of their areas."""
    return found(outcode_result(_known(live.gazetteer, outcode)))


@router.get("/{outcode}/nearest", response_class=JSONResponse, responses={404: {"description": "`Outcode not found`"}})
async def nearest_outcodes(live: Live, outcode: Code, limit: Limit = None, radius: Radius = None) -> Response:
    """Find districts near another, itself first, with their distance in metres."""
    known = _known(live.gazetteer, outcode)
    return _near(live.gazetteer, Place(*known.location), _nearby(limit, radius))


@terminated.get(
    "/{postcode}",
    response_class=JSONResponse,
    responses={404: {"description": "`Invalid postcode`, or `Terminated postcode not found`"}},
)
async def terminated_postcode(live: Live, postcode: Annotated[str, Path(description="In any case")]) -> Response:
    """Return when and where a terminated postcode ended."""
    asked = whole_postcode(postcode)
    if asked is None:
        raise missing("Invalid postcode")
    ended = live.gazetteer.terminated(asked)
    if ended is None:
        raise missing("Terminated postcode not found")
    return found(terminated_result(ended))


@random.get("/postcodes", response_class=JSONResponse)
async def random_postcode(live: Live, outcode: Annotated[str | None, Query(description="Of this district only")] = None) -> Response:
    """Return a random live postcode; null for a district without any."""
    picked = live.gazetteer.random_postcode(_tidy(outcode) if outcode else None)
    return found(postcode_result(picked) if picked else None)


@random.get("/places", response_class=JSONResponse)
async def random_place() -> Response:
    """Return null, because the service holds no places."""
    return found(None)


@terminated.api_route("", methods=EVERY_METHOD, include_in_schema=False)
@random.api_route("", methods=EVERY_METHOD, include_in_schema=False)
@router.api_route("/{path:path}", methods=EVERY_METHOD, include_in_schema=False)
@terminated.api_route("/{path:path}", methods=EVERY_METHOD, include_in_schema=False)
@random.api_route("/{path:path}", methods=EVERY_METHOD, include_in_schema=False)
async def unknown(path: str = "") -> None:  # noqa: ARG001
    """Answer 404 for an unknown path."""
    raise resource_not_found()


def _tidy(outcode: str) -> str:
    return "".join(outcode[:LONGEST_OUTCODE].split()).upper()


def _known(gazetteer: Gazetteer, outcode: str) -> Outcode:
    known = gazetteer.outcode(_tidy(outcode))
    if known is None:
        raise missing("Outcode not found")
    return known


def _nearby(limit: object, radius: object) -> Nearby:
    return Nearby.read(limit, radius, default_radius=DEFAULT_RADIUS, most_radius=MOST_RADIUS)


def _near(gazetteer: Gazetteer, centre: Place, nearby: Nearby) -> Response:
    near = gazetteer.nearest_outcodes(centre.easting, centre.northing, nearby.radius, nearby.limit)
    return found([outcode_result(district, distance=metres) for district, metres in near] or None)
