"""Our own surface: find an address while it is typed, and look one up by its UPRN."""

from typing import Annotated, Any, Self

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field

from services.addresses.adapters.gazetteer import Found
from services.addresses.adapters.live_release import LiveRelease
from services.addresses.domain.postcode import Postcode
from services.addresses.domain.premises import MADE_UP_UPRNS, Kind
from services.addresses.search import search
from shared.auth import Caller, require
from shared.http import Problem, Router, provided

router = Router(prefix="/v1/addresses", tags=["addresses"])
Live = Annotated[LiveRelease, Depends(provided(LiveRelease))]
Reader = Annotated[Caller, require("addresses:address:read")]


class Address(BaseModel):
    """One result. Streets and postcodes have no `uprn`, and a street no `postcode`."""

    uprn: str | None = Field(description="Unique Property Reference Number, up to 12 digits")
    address: str = Field(description="In one line, as it would be written")
    postcode: str | None
    borough: str = Field(description="GSS code of the borough")
    lat: float = Field(description="Degrees, ETRS89 (WGS84 within a metre)")
    lng: float = Field(description="Degrees, ETRS89 (WGS84 within a metre)")
    kind: Kind

    @classmethod
    def of(cls, found: Found) -> Self:
        """As it is shown."""
        return cls(**_shown(found))


class Addresses(BaseModel):
    """Search results, best first."""

    results: list[Address]


class Parts(BaseModel):
    """The parts of an address as AddressBase names them; null where it has none."""

    organisation: str | None
    sub_building: str | None
    building_name: str | None
    building_number: str | None
    street: str | None
    post_town: str | None
    postcode: str | None


class FullAddress(Address):
    """One premises or shell with all that is held about it."""

    parts: Parts
    classification: str | None = Field(description="AddressBase classification code: RD04 a house, RD06 a flat, CR08 a shop, PP a shell")
    easting: int = Field(description="British National Grid, metres")
    northing: int = Field(description="British National Grid, metres")
    ward: str | None = Field(description="GSS code of the ward of its postcode")
    parent: str | None = Field(description="UPRN of the shell that it is part of")
    children: list[str] = Field(description="UPRNs of what a shell is divided into")
    made_up: bool = Field(description="True for premises that were generated and do not exist")


def _shown(found: Found) -> dict[str, Any]:
    return {
        "uprn": str(found.uprn) if found.uprn is not None else None,
        "address": found.delivery.line(),
        "postcode": found.delivery.postcode or None,
        "borough": found.borough,
        "lat": found.lat,
        "lng": found.lng,
        "kind": found.kind,
    }


@router.get("/search")
async def search_addresses(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    q: Annotated[
        str, Query(description="A postcode, the beginning of one, parts of an address, or both. Its first 200 characters are read.")
    ],
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    borough: Annotated[str | None, Query(pattern=r"^[EWSN]\d{8}$", description="GSS code: results of this borough only")] = None,
) -> Addresses:
    """Addresses, streets and postcodes that fit what has been typed so far, best first; none where nothing fits."""
    return Addresses(results=[Address.of(found) for found in search(live.gazetteer, q, limit=limit, borough=borough)])


@router.get("/{uprn}", responses={404: {"description": "No premises has this UPRN"}})
async def address_by_uprn(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    uprn: Annotated[str, Path(pattern=r"^[0-9]{1,12}$", description="Leading zeros do not matter")],
) -> FullAddress:
    """One premises or shell."""
    gazetteer = live.gazetteer
    found = gazetteer.premises(int(uprn))
    if found is None or found.uprn is None or found.location is None:
        raise Problem(404, f"No premises has the UPRN {uprn}.", type="not-found", field="path.uprn")
    parts = found.delivery
    asked = Postcode.parse(parts.postcode)
    postcode = gazetteer.postcode(asked) if asked else None
    return FullAddress(
        **_shown(found),
        parts=Parts(**{name: getattr(parts, name) or None for name in Parts.model_fields}),
        classification=found.classification,
        easting=found.location.easting,
        northing=found.location.northing,
        ward=postcode.ward if postcode else None,
        parent=str(found.parent) if found.parent else None,
        children=[str(child) for child in gazetteer.children(found.uprn)],
        made_up=found.uprn in MADE_UP_UPRNS,
    )
