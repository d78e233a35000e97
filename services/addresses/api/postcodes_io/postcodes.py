"""`/postcodes` of postcodes.io: one, many, near a place, or by prefix. A client moves over by changing its base URL."""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Depends, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.addresses.domain.geography.crs import Place
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from shared.http import Problem
from shared.http.json_body import DEFAULT_MOST_VALUES, require_few_values

from .common import (
    EVERY_METHOD,
    MOST,
    Live,
    Nearby,
    beginning,
    found,
    missing,
    place,
    postcode_result,
    resource_not_found,
    search_limit,
    terminated_result,
    whole_postcode,
)
from .common import router as new_router

DEFAULT_RADIUS, MOST_RADIUS = 100.0, 2_000.0
"""Metres."""
FILTERABLE = frozenset((
    "postcode", "quality", "eastings", "northings", "country", "nhs_ha", "longitude", "latitude", "parliamentary_constituency",
    "european_electoral_region", "primary_care_trust", "region", "lsoa", "msoa", "incode", "outcode", "codes", "admin_district", "parish",
    "admin_county", "admin_ward", "ccg", "nuts", "ced",
))  # fmt: skip
"""Fields that `filter` can select."""
_INVALID_JSON = "Invalid JSON submitted. Send an object with an array of postcodes or geolocations as application/json"
_INVALID_QUERY = "Invalid JSON query submitted. Send an object with an array of postcodes or geolocations as application/json"
router = new_router("/postcodes")

Code = Annotated[str, Path(description="In any case, with or without its space")]
Limit = Annotated[str | None, Query(description="Number of results: 10 by default, 100 at most")]
Radius = Annotated[str | None, Query(description="Metres: 100 unless said, 2,000 at most")]


async def _either_case(
    widesearch: Annotated[str | None, Query(description="Look up to 20 km around, for at most 10 results")] = None,
    wide_search: Annotated[str | None, Query(alias="wideSearch", description="The same, as postcodes.io's documentation writes it")] = None,
) -> str | None:
    return widesearch or wide_search


Wide = Annotated[str | None, Depends(_either_case)]


@router.get("", response_class=JSONResponse)
async def postcodes_by_query(
    live: Live,
    request: Request,
    *,
    q: Annotated[str | None, Query(description="A postcode or the beginning of one; also `query`")] = None,
    lon: Annotated[str | None, Query(description="Degrees, with `lat`; also `longitude`")] = None,
    lat: Annotated[str | None, Query(description="Degrees, with `lon`; also `latitude`")] = None,
    limit: Limit = None,
    radius: Radius = None,
    widesearch: Wide,
) -> Response:
    """Find live postcodes by prefix, or near a place, nearest first; null if there are none."""
    given = request.query_params
    for longitude, latitude in ((given.get("longitude"), given.get("latitude")), (lon, lat)):
        if longitude and latitude:
            return found(_near_a_place(live.gazetteer, longitude, latitude, limit, radius, wide=widesearch))
    text = q or given.get("query") or ""
    if not text.strip():
        raise Problem(400, "No postcode query submitted. Remember to include query parameter")
    return found([postcode_result(one) for one in beginning(live.gazetteer, text, search_limit(limit))] or None)


_BULK = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "postcodes": {"type": "array", "maxItems": MOST, "items": {"type": "string"}},
                        "geolocations": {
                            "type": "array",
                            "maxItems": MOST,
                            "items": {
                                "type": "object",
                                "required": ["longitude", "latitude"],
                                "properties": {name: {"type": "number"} for name in ("longitude", "latitude", "radius", "limit")},
                            },
                        },
                    },
                }
            }
        },
    }
}


@router.post("", response_class=JSONResponse, openapi_extra=_BULK)
async def postcodes_in_bulk(
    live: Live,
    request: Request,
    *,
    limit: Limit = None,
    radius: Radius = None,
    widesearch: Wide,
    filter: Annotated[str | None, Query(description="The fields wanted, with commas between them")] = None,  # noqa: A002 (its name there)
) -> Response:
    """Look up up to 100 postcodes or places; results follow the order of the request."""
    body = _body(await request.body())
    chosen = _chosen(filter)
    if body.get("postcodes"):
        texts = _list(body["postcodes"], "postcodes")
        results = [{"query": text, "result": chosen(_one(live.gazetteer, text))} for text in texts if isinstance(text, str)]
    elif body.get("geolocations"):
        of_all = {name: value for name, value in (("limit", limit), ("radius", radius), ("widesearch", widesearch)) if value}
        results = [_geolocation(live.gazetteer, of_all, place, chosen) for place in _list(body["geolocations"], "locations")]
    else:
        raise Problem(400, _INVALID_QUERY)
    return found(results)


@router.get("/lon/{longitude}/lat/{latitude}", response_class=JSONResponse)
@router.get("/lat/{latitude}/lon/{longitude}", response_class=JSONResponse, include_in_schema=False)
async def postcodes_at_a_place(
    live: Live, longitude: str, latitude: str, *, limit: Limit = None, radius: Radius = None, widesearch: Wide
) -> Response:
    """Find live postcodes near a place, nearest first; null if there are none."""
    return found(_near_a_place(live.gazetteer, longitude, latitude, limit, radius, wide=widesearch))


@router.get("/{postcode}", response_class=JSONResponse, responses={404: {"description": "`Invalid postcode`, or `Postcode not found`"}})
async def postcode_lookup(live: Live, postcode: Code) -> Response:
    """Return a live postcode; 404 for a terminated one, with the date of its end."""
    asked = whole_postcode(postcode)
    if asked is None:
        raise missing("Invalid postcode")
    if known := live.gazetteer.postcode(asked):
        return found(postcode_result(known))
    if ended := live.gazetteer.terminated(asked):
        raise missing("Postcode not found", terminated=terminated_result(ended))
    raise missing("Postcode not found")


@router.get("/{postcode}/nearest", response_class=JSONResponse, responses={404: {"description": "`Postcode not found`"}})
async def nearest_postcodes(live: Live, postcode: Code, widesearch: Wide, limit: Limit = None, radius: Radius = None) -> Response:
    """Find live postcodes near another, itself first, with their distance in metres."""
    asked = whole_postcode(postcode)
    known = live.gazetteer.postcode(asked) if asked else None
    if known is None:
        raise missing("Postcode not found")
    return found(_near(live.gazetteer, Place(*known.location), _nearby(limit, radius, wide=widesearch)))


@router.get("/{postcode}/validate", response_class=JSONResponse)
async def validate_postcode(live: Live, postcode: Code) -> Response:
    """Return whether the text is a live postcode."""
    asked = whole_postcode(postcode)
    return found(asked is not None and live.gazetteer.postcode(asked) is not None)


@router.get("/{postcode}/autocomplete", response_class=JSONResponse)
async def complete_postcode(live: Live, postcode: Code, limit: Limit = None) -> Response:
    """Find live postcodes by prefix, as text; null if there are none."""
    return found([str(one.postcode) for one in beginning(live.gazetteer, postcode, search_limit(limit))] or None)


@router.api_route("", methods=EVERY_METHOD, include_in_schema=False)
@router.api_route("/{path:path}", methods=EVERY_METHOD, include_in_schema=False)
async def unknown(path: str = "") -> None:  # noqa: ARG001
    """Answer 404 for an unknown path."""
    raise resource_not_found()


def _nearby(limit: object, radius: object, *, wide: object) -> Nearby:
    return Nearby.read(limit, radius, default_radius=DEFAULT_RADIUS, most_radius=MOST_RADIUS, wide=bool(wide))


def _near(gazetteer: Gazetteer, centre: Place, nearby: Nearby) -> list[dict[str, Any]] | None:
    near = gazetteer.nearest_postcodes(centre.easting, centre.northing, nearby.radius, nearby.limit)
    return [postcode_result(live, distance=metres) for live, metres in near] or None


def _near_a_place(
    gazetteer: Gazetteer, longitude: object, latitude: object, limit: object, radius: object, *, wide: object
) -> list[dict[str, Any]] | None:
    nearby = _nearby(limit, radius, wide=wide)
    centre = place(longitude, latitude)
    return _near(gazetteer, centre, nearby) if centre else None


def _one(gazetteer: Gazetteer, text: str) -> dict[str, Any] | None:
    asked = whole_postcode(text)
    live = gazetteer.postcode(asked) if asked else None
    return postcode_result(live) if live else None


def _geolocation(gazetteer: Gazetteer, of_all: Mapping[str, Any], given: Any, chosen: Callable[[Any], Any]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Problem(400, "Invalid longitude/latitude submitted")
    asked = {**of_all, **given}
    query = {name: value for name, value in asked.items() if name.lower() in ("limit", "longitude", "latitude", "radius", "widesearch")}
    near = _near_a_place(
        gazetteer,
        asked.get("longitude"),
        asked.get("latitude"),
        asked.get("limit"),
        asked.get("radius"),
        wide=asked.get("widesearch") or asked.get("wideSearch"),
    )
    return {"query": query, "result": [chosen(one) for one in near] if near else None}


def _body(raw: bytes) -> dict[str, Any]:
    require_few_values(raw, DEFAULT_MOST_VALUES)
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        raise Problem(400, _INVALID_JSON) from None
    return body if isinstance(body, dict) else {}


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Problem(400, "Invalid data submitted. You need to provide a JSON array")
    if len(value) > MOST:
        raise Problem(400, f"Too many {what} submitted. Up to {MOST} {what} can be bulk requested at a time")
    return value


def _chosen(filter_: str | None) -> Callable[[Any], Any]:
    """Return a function that keeps the fields in `filter`, or all fields without it."""
    if not filter_:
        return lambda result: result
    names = [name for name in "".join(filter_.split()).lower().split(",") if name in FILTERABLE]
    return lambda result: {name: result[name] for name in names if name in result} if isinstance(result, dict) else result
