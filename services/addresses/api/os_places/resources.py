"""Resources of OS Places (`/search/places/v1`). A client of the original moves over by changing its URL and key.

Shapes follow the technical specification (docs.os.uk, OS Places API). `domain.os_places` parses requests and builds responses.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.addresses.api.cors import ANY_ORIGIN, preflight
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.errors import Refusal
from services.addresses.domain.geography.crs import Crs
from services.addresses.domain.geography.polygons import Polygon
from services.addresses.domain.os_places import parameters as query
from services.addresses.domain.os_places.parameters import Box, Format, Parameters, Wanted
from services.addresses.domain.os_places.results import Address
from services.addresses.domain.os_places.xml import error_response, search_response
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.settings import Settings
from shared.http import HttpFailure, Problem, Router, provided
from shared.http.errors import failure_of
from shared.http.json_body import DEFAULT_MOST_VALUES, require_few_values
from shared.http.openapi import SurfaceDocument, documented_as
from shared.http.router import Route

from .access import admitted
from .parameters import ERROR, documented

PREFIX = "/search/places/v1"
MOST_FOUND = 1_000
"""Most addresses that a text search considers, best first."""
ALL = 1_000_000
"""A limit above the number of addresses in any circle."""
AT_ONCE = 200
"""Records in one read."""
BODY_LIMIT = 200_000
"""Most bytes of a polygon: a thousand corners with all their decimals."""
XML = "application/xml; charset=UTF-8"
GET_RESOURCES = ("find", "postcode", "uprn", "nearest", "radius", "bbox")
POST_RESOURCES = ("polygon",)
Live = Annotated[LiveRelease, Depends(provided(LiveRelease))]
Config = Annotated[Settings, Depends(provided(Settings))]
Scored = tuple[Address, float]


DOCUMENT = SurfaceDocument(
    "PlacesError",
    ERROR,
    ("application/json", "application/xml"),
    {400: "A parameter is wrong"},
    description="OS Places' API: what was written for it moves over by changing its URL and key. Errors have its shape.",
)


@documented_as(DOCUMENT)
def as_places_error(request: Request, failure: HttpFailure) -> Response:
    """Build the error response `{"error": {"statuscode": 400, "message": "..."}}`, in XML if the request asks for XML."""
    headers = {**failure.headers, **ANY_ORIGIN}
    if request.query_params.get("format", "").strip().upper() == Format.XML:
        return Response(error_response(failure.status, failure.detail), failure.status, headers, XML)
    return JSONResponse({"error": {"statuscode": failure.status, "message": failure.detail}}, failure.status, headers)


class _PlacesRoute(Route):
    shape = staticmethod(as_places_error)
    body_limit = BODY_LIMIT

    @staticmethod
    def failure(error: Exception) -> HttpFailure:
        """Turn a refusal of the domain into a 400 with its text."""
        return failure_of(Problem(400, str(error)) if isinstance(error, Refusal) else error)


router = Router(prefix=PREFIX, tags=["OS Places"], errors=as_places_error)
router.route_class = _PlacesRoute


class Question:
    """One request: its parameters, its response options, and the release that answers."""

    def __init__(self, request: Request, live: Live, settings: Config) -> None:
        values: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            values.setdefault(name, []).append(value)
        values.pop("key", None)
        self.given = Parameters(values)
        self.gazetteer = live.gazetteer
        self._live = live
        self._uri = f"{settings.public_url}{request.url.path}"
        self._values = values

    def answer(self, own: str, wanted: Wanted, total: int, addresses: Iterable[Scored], *, precision: int = 1) -> Response:
        """Build the header, and the results if there are any. `own` is the parameter that the header's `query` repeats."""
        header = {
            "uri": f"{self._uri}?{urlencode(self._values, doseq=True, quote_via=quote)}" if self._values else self._uri,
            "query": f"{own}={self.given.get(own)}" if self.given.get(own) else own,
            "offset": wanted.offset,
            "totalresults": total,
            "format": str(wanted.format),
            "dataset": wanted.dataset,
            "lr": wanted.languages,
            "maxresults": wanted.most,
            "matchprecision": precision,
            "epoch": self._live.epoch,
            "lastupdate": self._live.updated.isoformat(),
            "output_srs": str(wanted.output),
        }
        results = [address.as_result(wanted.output, score, precision) for address, score in addresses]
        if wanted.format is Format.XML:
            return Response(search_response(header, results), headers=ANY_ORIGIN, media_type=XML)
        return JSONResponse({"header": header, "results": results} if results else {"header": header}, headers=ANY_ORIGIN)

    def answer_all(self, own: str, wanted: Wanted, uprns: Sequence[int], keep: Callable[[Blpu], bool] | None = None) -> Response:
        """Build the page of all addresses at these properties."""
        total, page = 0, []
        for start in range(0, len(uprns), AT_ONCE):
            for blpu in self.gazetteer.records(uprns[start : start + AT_ONCE]):
                if keep is not None and not keep(blpu):
                    continue
                for address in wanted.selection.of(blpu):
                    if wanted.offset <= total < wanted.offset + wanted.most:
                        page.append((address, 1.0))
                    total += 1
        return self.answer(own, wanted, total, page)


async def question(request: Request, live: Live, settings: Config) -> Question:
    """The question, by a coroutine: FastAPI would call the class itself in a thread."""
    return Question(request, live, settings)


Asked = Annotated[Question, Depends(question)]


@router.get("/find", dependencies=[admitted], openapi_extra=documented("query", "minmatch", "matchprecision", "bbox", paged=True))
async def find(asked: Asked) -> Response:
    """Find addresses that match a text, best first, among the best 1,000."""
    given = asked.given
    wanted, text = Wanted.read(given), given.text("query")
    least, precision = given.number("minmatch", 0.0, 0.1, 1.0), given.whole("matchprecision", 1, 1, 10)
    within = Box.read(given, crs=Crs.BNG).on_grid if given.get("bbox") else None
    known, read, seen = 0, 0, 0
    page: list[Scored] = []
    while len(page) < wanted.most and read < MOST_FOUND:
        known, found = asked.gazetteer.find(text, limit=AT_ONCE, offset=read, within=within)
        good = {uprn: score for uprn, score in found if score >= least}
        for blpu in asked.gazetteer.records(list(good)):
            for address in wanted.selection.of(blpu):
                if wanted.offset <= seen < wanted.offset + wanted.most:
                    page.append((address, good[blpu.uprn]))
                seen += 1
        read += len(found)
        if len(found) < AT_ONCE or len(good) < len(found):  # they come best first
            known = read
            break
    # On a full page, unread addresses count as found, so totalresults is an upper bound.
    total = seen + max(0, min(known, MOST_FOUND) - read)
    return asked.answer("query", wanted, total, page, precision=precision)


@router.get("/postcode", dependencies=[admitted], openapi_extra=documented("postcode", paged=True))
async def postcode(asked: Asked) -> Response:
    """Find addresses at a postcode, or at every postcode with this prefix."""
    wanted = Wanted.read(asked.given)
    outward, inward = query.postcode_beginning(asked.given)
    district = f"{outward} {inward}" if inward or outward in asked.gazetteer.outwards else outward
    return asked.answer_all("postcode", wanted, asked.gazetteer.at_postcode(district))


@router.get("/uprn", dependencies=[admitted], openapi_extra=documented("uprn"))
async def uprn(asked: Asked) -> Response:
    """Find the addresses of one property."""
    wanted = Wanted.read(asked.given, paged=False)
    return asked.answer_all("uprn", wanted, [query.uprn(asked.given)])


@router.get("/nearest", dependencies=[admitted], openapi_extra=documented("point", "srs", "radius"))
async def nearest(asked: Asked) -> Response:
    """Find the addresses of the property nearest to a point, among those with a requested address."""
    given = asked.given
    wanted, point, radius = Wanted.read(given, paged=False), query.point(given), query.radius(given)
    tried, most = 0, 16
    while True:
        near = asked.gazetteer.nearest(point.easting, point.northing, radius, most)
        for blpu in asked.gazetteer.records([uprn for uprn, _ in near[tried:]]):
            if addresses := list(wanted.selection.of(blpu)):
                return asked.answer("point", wanted, len(addresses), [(address, 1.0) for address in addresses])
        if len(near) < most:
            return asked.answer("point", wanted, 0, ())
        tried, most = most, most * 8


@router.get("/radius", dependencies=[admitted], openapi_extra=documented("point", "srs", "radius", paged=True))
async def radius(asked: Asked) -> Response:
    """Find addresses within a distance of a point, nearest first."""
    given = asked.given
    wanted, point, distance = Wanted.read(given), query.point(given), query.radius(given)
    near = asked.gazetteer.nearest(point.easting, point.northing, distance, ALL)
    return asked.answer_all("point", wanted, [uprn for uprn, _ in near])


@router.get("/bbox", dependencies=[admitted], openapi_extra=documented("bbox", "srs", paged=True))
async def bbox(asked: Asked) -> Response:
    """Find addresses in a box of at most 1 km²."""
    given = asked.given
    wanted, box = Wanted.read(given), Box.read(given, most_square_km=query.MOST_SQUARE_KM)
    inside = [uprn for uprn, _, _ in asked.gazetteer.within(*box.on_grid)]
    return asked.answer_all("bbox", wanted, inside, keep=None if box.crs.is_grid else box.contains)


@router.post("/polygon", dependencies=[admitted], openapi_extra=documented("srs", "referencepoint", paged=True, polygon=True))
async def polygon(request: Request, asked: Asked) -> Response:
    """Find addresses in one or several polygons, nearest to `referencepoint` first if given."""
    given = asked.given
    wanted = Wanted.read(given)
    # Runs in threads: it compares a thousand edges with each other, and with each address in the bounding box.
    area = await asyncio.to_thread(Polygon.read, _geojson(await request.body()), given.crs("srs"))
    inside = asked.gazetteer.within(*area.bounds)
    uprns = await asyncio.to_thread(area.select_inside, inside)
    if given.get("referencepoint"):
        centre = query.point(given, "referencepoint")
        away = {uprn: (east - centre.easting) ** 2 + (north - centre.northing) ** 2 for uprn, east, north in inside}
        uprns.sort(key=lambda uprn: (away[uprn], uprn))
    return asked.answer_all("polygon", wanted, uprns)


def _geojson(body: bytes) -> Any:
    require_few_values(body, DEFAULT_MOST_VALUES)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal("Requested polygon must be sent as JSON") from None


_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@router.api_route("", methods=_EVERY_METHOD, include_in_schema=False)
@router.api_route("/{path:path}", methods=_EVERY_METHOD, include_in_schema=False)
async def unknown(request: Request, path: str = "") -> Response:
    """Answer 404 for an unknown path, 405 for another method."""
    if (answer := preflight(request)) is not None:
        return answer
    allowed = "GET" if path in GET_RESOURCES else "POST" if path in POST_RESOURCES else None
    if allowed:
        raise Problem(405, f"{request.method} is not allowed here, {allowed} is", headers={"Allow": allowed})
    raise Problem(404, "There is no such resource")
