"""Our own surface: find an address while it is typed, and look one up by its UPRN."""

from typing import Annotated, Self

from fastapi import Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from services.addresses.adapters.live_release import LiveRelease
from services.addresses.domain.display import readable
from services.addresses.domain.found import Found, kind_of, shown_line
from services.addresses.domain.lines import line
from services.addresses.domain.matching import Decision, Matching
from services.addresses.domain.premises import MADE_UP_UPRNS, Kind
from services.addresses.domain.records import Blpu
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
        return cls(
            uprn=str(found.uprn) if found.uprn is not None else None,
            address=found.address,
            postcode=found.postcode or None,
            borough=found.borough,
            lat=found.lat,
            lng=found.lng,
            kind=found.kind,
        )


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

    @classmethod
    def of(cls, blpu: Blpu) -> Self:
        """Of the delivery point, else of the first LPI."""
        point, lpi = blpu.delivery_point, next(iter(blpu.lpis), None)
        if point:
            names = (point.organisation_name, point.sub_building_name, point.building_name, point.building_number)
            return cls.read(*names, point.thoroughfare, point.post_town, point.postcode)
        if lpi:
            sub_building = " ".join(filter(None, (lpi.sao_text, str(lpi.sao))))
            names = (blpu.organisation, sub_building, lpi.pao_text, str(lpi.pao))
            return cls.read(*names, lpi.street, lpi.town, blpu.postcode)
        return cls.read("", "", "", "", "", "", blpu.postcode)

    @classmethod
    def read(cls, *texts: str) -> Self:
        """The parts in their order; the postcode, which is last, stays as it is."""
        shown = [readable(text) or None for text in texts[:-1]]
        return cls(**dict(zip(cls.model_fields, [*shown, texts[-1] or None], strict=True)))


class FullAddress(Address):
    """One premises or shell with all that is held about it."""

    parts: Parts
    classification: str | None = Field(description="AddressBase classification code: RD04 a house, RD06 a flat, CR08 a shop, PP a shell")
    easting: int = Field(description="British National Grid, metres")
    northing: int = Field(description="British National Grid, metres")
    ward: str | None = Field(description="GSS code of its ward")
    parent: str | None = Field(description="UPRN of the shell that it is part of")
    children: list[str] = Field(description="UPRNs of what a shell is divided into")
    made_up: bool = Field(description="True for premises that were generated and do not exist")


@router.get("/search")
async def search_addresses(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    q: Annotated[
        str, Query(description="A postcode, the beginning of one, parts of an address, or both. Its first 300 characters are read.")
    ],
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    borough: Annotated[str | None, Query(pattern=r"^[EWSN]\d{8}$", description="GSS code: results of this borough only")] = None,
) -> Addresses:
    """Addresses, streets and postcodes that fit what has been typed so far, best first; none where nothing fits."""
    return Addresses(results=[Address.of(found) for found in live.gazetteer.search(q, limit, borough)])


class MatchedTokens(BaseModel):
    """The words that were written, in lower case."""

    matched: list[str] = Field(description="Held by the address")
    corrected: dict[str, str] = Field(description="Misspelt, abbreviated or begun, with what the address holds")
    missing: list[str] = Field(description="Not in the address")


class CandidateAddress(BaseModel):
    """An address that may be the one."""

    uprn: str = Field(description="Unique Property Reference Number, up to 12 digits")
    address: str = Field(description="In one line, as it would be written")
    confidence: float = Field(ge=0, le=1, description="The probability that it is the one")
    tokens: MatchedTokens


class Matched(BaseModel):
    """What a written address is; candidates, the surest first."""

    decision: Decision = Field(description="match: take the first; possible: let a person choose; none: it is not held")
    matches: list[CandidateAddress]

    @classmethod
    def of(cls, found: Matching) -> Self:
        """As it is shown."""
        return cls(
            decision=found.decision,
            matches=[
                CandidateAddress(
                    uprn=str(match.uprn),
                    address=match.address,
                    confidence=match.confidence,
                    tokens=MatchedTokens(
                        matched=list(match.tokens.matched), corrected=match.tokens.corrected, missing=list(match.tokens.missing)
                    ),
                )
                for match in found.matches
            ],
        )


LONGEST_ADDRESS = 1_000


class WrittenAddress(BaseModel):
    """An address as somebody wrote it."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(max_length=LONGEST_ADDRESS, description="In one line. Its first 300 characters are read.")
    postcode: str | None = Field(None, max_length=LONGEST_ADDRESS, description="Where it was written apart, whole or in part")
    limit: int = Field(5, ge=1, le=20)


@router.get("/match")
async def match_address(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    asked: Annotated[WrittenAddress, Query()],
) -> Matched:
    """The premises that a written address is, with the probability of each candidate and which words say so."""
    return Matched.of(live.gazetteer.match(asked.address, asked.postcode, asked.limit))


@router.post("/match")
async def match_address_in_body(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    asked: WrittenAddress,
) -> Matched:
    """As GET does; an address in a body does not stay in the logs of what is on the way."""
    return Matched.of(live.gazetteer.match(asked.address, asked.postcode, asked.limit))


@router.get("/{uprn}", responses={404: {"description": "No premises has this UPRN"}})
async def address_by_uprn(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    uprn: Annotated[str, Path(pattern=r"^[0-9]{1,12}$", description="Leading zeros do not matter")],
) -> FullAddress:
    """One premises or shell."""
    gazetteer = live.gazetteer
    blpu = gazetteer.record(int(uprn))
    if blpu is None:
        raise Problem(404, f"No premises has the UPRN {uprn}.", type="not-found", field="path.uprn")
    return FullAddress(
        uprn=str(blpu.uprn),
        address=shown_line(line(blpu), blpu.postcode),
        postcode=blpu.postcode or None,
        borough=blpu.borough,
        lat=blpu.latitude,
        lng=blpu.longitude,
        kind=kind_of(blpu.classification),
        parts=Parts.of(blpu),
        classification=blpu.classification,
        easting=round(blpu.easting),
        northing=round(blpu.northing),
        ward=blpu.ward or None,
        parent=str(blpu.parent_uprn) if blpu.parent_uprn else None,
        children=[str(child) for child in gazetteer.children(blpu.uprn)],
        made_up=blpu.uprn in MADE_UP_UPRNS,
    )
