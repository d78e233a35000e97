"""postcodes.io's lookup, so that a client moves over by changing its base URL (https://postcodes.io/docs/postcode/schema).

Public, as there. The shape is the one of February 2026; what open data for London does not give here is null.
"""

from typing import Annotated, Any

from fastapi import Depends, Path
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.addresses.adapters.gazetteer import LivePostcode, TerminatedPostcode
from services.addresses.adapters.live_release import LiveRelease
from services.addresses.domain.postcode import Postcode
from shared.http import HttpFailure, Router, provided

LONGEST_POSTCODE = 32
"""Characters: a postcode with any sensible amount of space. postcodes.io has no bound; longer text is not a postcode either way."""


def as_postcodes_io(_: Request, failure: HttpFailure) -> Response:
    """postcodes.io's errors: the status again, and a sentence."""
    return JSONResponse({"status": failure.status, "error": failure.detail}, failure.status, headers=failure.headers)


router = Router(prefix="/postcodes", tags=["postcodes.io"], errors=as_postcodes_io)
Live = Annotated[LiveRelease, Depends(provided(LiveRelease))]

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


@router.get("/{postcode}", response_class=JSONResponse, responses={404: {"description": "`Invalid postcode`, or `Postcode not found`"}})
async def postcode_lookup(live: Live, postcode: Annotated[str, Path(description="In any case, with or without its space")]) -> Response:
    """Where a live postcode is; for a terminated one 404 with when it ended."""
    asked = Postcode.parse(postcode) if len(postcode) <= LONGEST_POSTCODE else None
    if asked is None:
        return _missing("Invalid postcode")
    if found := live.gazetteer.postcode(asked):
        return JSONResponse({"status": 200, "result": _result(found)})
    if ended := live.gazetteer.terminated(asked):
        return _missing("Postcode not found", terminated=_terminated(ended))
    return _missing("Postcode not found")


def _missing(error: str, **more: Any) -> Response:
    return JSONResponse({"status": 404, "error": error, **more}, 404)


def _result(found: LivePostcode) -> dict[str, Any]:
    return {
        **dict.fromkeys(_NOT_HELD),
        "postcode": str(found.postcode),
        "quality": found.quality,
        "eastings": found.location.easting,
        "northings": found.location.northing,
        "country": "England",  # true of all of London, as are the two regions
        "longitude": found.lng,
        "latitude": found.lat,
        "european_electoral_region": "London",
        "region": "London",
        "incode": found.postcode.inward,
        "outcode": found.postcode.outward,
        "admin_district": found.borough_name,
        "date_of_introduction": found.introduced,
        "admin_ward": found.ward_name,
        "codes": {
            **dict.fromkeys(_CODES_NOT_HELD),
            "admin_district": found.borough,
            "admin_ward": found.ward,
            "lsoa11": found.lsoa_2011,
            "msoa11": found.msoa_2011,
        },
    }


def _terminated(ended: TerminatedPostcode) -> dict[str, Any]:
    return {
        "postcode": str(ended.postcode),
        "year_terminated": ended.year,
        "month_terminated": ended.month,
        "longitude": ended.lng,
        "latitude": ended.lat,
    }
