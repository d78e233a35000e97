"""The rest of postcodes.io: places, Scotland's postcodes and `/ping`. The service has no such data and answers as an empty server would."""

from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.http import Problem

from .common import EVERY_METHOD, Live, found, missing, resource_not_found, whole_postcode
from .common import router as new_router

places = new_router("/places")
scotland = new_router("/scotland")
ping = new_router("/ping")


@places.get("", response_class=JSONResponse, responses={400: {"description": "Neither `q` nor `query`"}})
async def places_by_query(
    request: Request, q: Annotated[str | None, Query(description="The beginning of a place's name; also `query`")] = None
) -> Response:
    """Return no places, because the service holds none."""
    if not (q or request.query_params.get("query")):
        raise Problem(400, "No valid query submitted. Remember to include every parameter")
    return found([])


@places.get("/{code}", response_class=JSONResponse, responses={404: {"description": "`Place not found`"}})
async def place_lookup(code: Annotated[str, Path(description="The code of a place (OS Open Names)")]) -> Response:  # noqa: ARG001
    """Answer 404, because the service holds no places."""
    raise missing("Place not found")


@scotland.get(
    "/postcodes/{postcode}",
    response_class=JSONResponse,
    responses={404: {"description": "`Invalid postcode`, `Postcode not found`, or `Postcode exists in ONSPD but not in SPD`"}},
)
async def scottish_postcode(live: Live, postcode: Annotated[str, Path(description="In any case")]) -> Response:
    """Answer 404: the service lacks the Scottish Postcode Directory, which has no postcode of London."""
    asked = whole_postcode(postcode)
    if asked is None:
        raise missing("Invalid postcode")
    raise missing("Postcode exists in ONSPD but not in SPD" if live.gazetteer.postcode(asked) else "Postcode not found")


@ping.get("", response_class=JSONResponse)
async def answer_ping() -> Response:
    """Answer `pong`."""
    return found("pong")


@scotland.api_route("", methods=EVERY_METHOD, include_in_schema=False)
@places.api_route("/{path:path}", methods=EVERY_METHOD, include_in_schema=False)
@scotland.api_route("/{path:path}", methods=EVERY_METHOD, include_in_schema=False)
@ping.api_route("/{path:path}", methods=EVERY_METHOD, include_in_schema=False)
async def unknown(path: str = "") -> None:  # noqa: ARG001
    """Answer 404 for an unknown path."""
    raise resource_not_found()
