"""One property by its UPRN, now or on a past day: its record, its addresses and its history."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Protocol, Self

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from services.addresses.domain.addressbase.history import alternatives, as_at, ended_by, historical
from services.addresses.domain.addressbase.records import Blpu, Language, Lpi
from services.addresses.domain.addressbase.single_line import line, lpi_line
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.search.matching import Decision
from services.addresses.domain.search.result import kind_of, shown_line
from services.addresses.domain.search.title_case import readable
from services.addresses.domain.synthetic.identifiers import MADE_UP_UPRNS
from services.addresses.gazetteer.releases.earlier import EarlierReleases
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.store import Store
from shared.clock import now
from shared.http import Problem, Router, provided

from .addresses import LONGEST_ADDRESS, Address, MatchedTokens
from .common import Db, Live, Reader, UprnPath
from .warnings import Warned, if_any, split_postcodes, warned

router = Router(prefix="/v1/addresses", tags=["addresses"])
Earlier = Annotated[EarlierReleases, Depends(provided(EarlierReleases))]


class Held(Protocol):
    """A release, reduced to the lookups for one property."""

    def record(self, uprn: int) -> Blpu | None: ...

    def children(self, uprn: int) -> list[int]: ...

    def predecessors(self, uprn: int) -> list[int]: ...


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
        """Take the parts from the delivery point, or else from the first LPI."""
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
        """Create the parts from texts in field order, in title case; the postcode, the last, stays unchanged."""
        shown = [readable(text) or None for text in texts[:-1]]
        return cls(**dict(zip(cls.model_fields, [*shown, texts[-1] or None], strict=True)))


class OtherAddress(BaseModel):
    """Another address of the same property: a land and property identifier (LPI) as the local authority gives it."""

    address: str = Field(description="In one line, as it would be written")
    status: str = Field(description="approved, alternative, provisional or historical")
    language: Language
    street: str
    usrn: str = Field(description="Unique Street Reference Number")
    lpi_key: str
    start_date: date | None
    end_date: date | None = Field(description="The first day on which it was not its address any more")

    @classmethod
    def of(cls, lpi: Lpi, blpu: Blpu) -> Self:
        """Create the view of an LPI."""
        return cls(
            address=shown_line(lpi_line(lpi, blpu.postcode, blpu.organisation), blpu.postcode),
            status=lpi.logical_status.name.lower(),
            language=lpi.language,
            street=readable(lpi.street),
            usrn=str(lpi.usrn),
            lpi_key=lpi.lpi_key,
            start_date=lpi.start_date,
            end_date=lpi.end_date,
        )


class History(BaseModel):
    """Earlier addresses and predecessors."""

    addresses: list[OtherAddress] = Field(description="Addresses that it no longer has")
    predecessors: list[str] = Field(description="UPRNs whose place it took")


class FullAddress(Address):
    """The full record of one premises or shell."""

    release: str = Field(description="The release that says so")
    parts: Parts
    status: str = Field(description="approved, provisional or historical")
    classification: str | None = Field(description="AddressBase classification code: RD04 a house, RD06 a flat, CR08 a shop, PP a shell")
    easting: int = Field(description="British National Grid, metres")
    northing: int = Field(description="British National Grid, metres")
    ward: str | None = Field(description="GSS code of its ward")
    parent: str | None = Field(description="UPRN of the shell that it is part of")
    children: list[str] = Field(description="UPRNs of what a shell is divided into")
    alternatives: list[OtherAddress] = Field(description="What else it is called: other forms, other languages, provisional addresses")
    history: History
    replaced_by: list[str] = Field(description="UPRNs that took its place")
    start_date: date | None
    end_date: date | None = Field(description="The first day on which it did not exist any more")
    postcode_boroughs: list[str] = Field(description="GSS codes of the boroughs that its postcode lies in; more than one: it is split")
    warnings: list[Warned]
    made_up: bool = Field(description="True for premises that were generated and do not exist")

    @classmethod
    def shown(cls, blpu: Blpu, past: tuple[Lpi, ...], *, held: Held, live: LiveRelease, release: str) -> Self:
        """Create the view of a record; `past` lists its former addresses. The boroughs of its postcode are those of the live release."""
        boroughs = _boroughs(live.gazetteer, blpu)
        return cls(
            uprn=str(blpu.uprn),
            address=shown_line(line(blpu), blpu.postcode),
            postcode=blpu.postcode or None,
            borough=blpu.borough,
            lat=blpu.latitude,
            lng=blpu.longitude,
            kind=kind_of(blpu.classification),
            release=release,
            parts=Parts.of(blpu),
            status=blpu.logical_status.name.lower(),
            classification=blpu.classification,
            easting=round(blpu.easting),
            northing=round(blpu.northing),
            ward=blpu.ward or None,
            parent=str(blpu.parent_uprn) if blpu.parent_uprn else None,
            children=[str(child) for child in held.children(blpu.uprn)],
            alternatives=[OtherAddress.of(lpi, blpu) for lpi in alternatives(blpu)],
            history=History(
                addresses=[OtherAddress.of(lpi, blpu) for lpi in past],
                predecessors=[str(uprn) for uprn in held.predecessors(blpu.uprn)],
            ),
            replaced_by=[str(uprn) for uprn in blpu.successors],
            start_date=blpu.start_date,
            end_date=blpu.end_date,
            postcode_boroughs=boroughs,
            warnings=warned(blpu.postcode, boroughs, live.gazetteer),
            made_up=blpu.uprn in MADE_UP_UPRNS,
        )


@router.get("/{uprn}", responses={404: {"description": "No premises has this UPRN, or had it on that day"}})
async def address_by_uprn(
    *,
    live: Live,
    earlier: Earlier,
    store: Db,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    uprn: UprnPath,
    as_at: Annotated[date | None, Query(description="The address as it was on this day. Today without it.")] = None,
) -> FullAddress:
    """Return one premises or shell, current or historical.

    With `as_at`, the answer comes from the release that was live at the end of that day (UTC), or from today's live release if the service
    no longer keeps that one; `release` names it. The answer includes the addresses in force on the day: from their start date to the day
    before their end date. An address that has become historical since counts as approved then, unless today's approved address was in force
    already. `history` lists the addresses that had ended by then. 404 if the release lacks the UPRN, or if neither it nor any address of it
    was in force on the day.
    """
    if as_at is None or as_at == now().date():
        return _current(live, int(uprn))
    if as_at > now().date():
        raise Problem(400, "as_at must not be after today.", type="invalid-input", field="query.as_at")
    return await _past(live, earlier, store, uprn=int(uprn), day=as_at)


def _current(live: Live, uprn: int) -> FullAddress:
    gazetteer = live.gazetteer
    blpu = gazetteer.record(uprn)
    if blpu is None:
        raise _unknown(uprn)
    return FullAddress.shown(blpu, historical(blpu), held=gazetteer, live=live, release=live.manifest.release)


async def _past(live: Live, earlier: EarlierReleases, store: Store, *, uprn: int, day: date) -> FullAddress:
    held: Held = live.gazetteer
    release = live.manifest.release
    then = await store.change_sets.live_at(datetime.combine(day, time.max, UTC))
    if then is not None and then != release and (opened := await earlier.get(then)) is not None:
        held, release = opened, then
    record = held.record(uprn)
    if record is None:
        raise _unknown(uprn)
    blpu = as_at(record, day)
    if blpu is None:
        raise Problem(404, f"The UPRN {uprn} has no address on {day}.", type="not-found", field="query.as_at")
    return FullAddress.shown(blpu, ended_by(record, day), held=held, live=live, release=release)


def _boroughs(gazetteer: Gazetteer, blpu: Blpu) -> list[str]:
    """List the boroughs of a record's postcode, its own included."""
    postcode = Postcode.parse(blpu.postcode)
    return list(dict.fromkeys([*(gazetteer.boroughs_of(postcode) if postcode else []), blpu.borough]))


def _unknown(uprn: int) -> Problem:
    return Problem(404, f"No premises has the UPRN {uprn}.", type="not-found", field="path.uprn")


class ClaimedAddress(BaseModel):
    """An address that a person claims to be that of a UPRN."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(min_length=1, max_length=LONGEST_ADDRESS, description="In one line. Its first 300 characters are read.")
    postcode: str | None = Field(None, max_length=LONGEST_ADDRESS, description="Where it was written apart, whole or in part")


class CheckedAddress(BaseModel):
    """The probability that a written address is that of a UPRN."""

    uprn: str
    confidence: float = Field(ge=0, le=1, description="The probability that the address is this UPRN's")
    decision: Decision = Field(description="match: it is; possible: ask a person; none: it is not, or too little was written to tell")
    tokens: MatchedTokens
    warnings: list[Warned] = Field([], description="Where the UPRN's postcode lies in several boroughs; absent where it does not")


@router.post("/{uprn}/check", response_model_exclude_unset=True, responses={404: {"description": "No premises has this UPRN"}})
async def check_address(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    uprn: UprnPath,
    claimed: ClaimedAddress,
) -> CheckedAddress:
    """Check whether a claimed address is that of this UPRN. The service stores nothing of it."""
    found = live.gazetteer.check(int(uprn), claimed.address, claimed.postcode)
    if found is None:
        raise _unknown(int(uprn))
    decision, match = found
    return CheckedAddress(
        uprn=str(match.uprn),
        confidence=match.confidence,
        decision=decision,
        tokens=MatchedTokens.of(match.tokens),
        **if_any(split_postcodes([match.postcode], live.gazetteer)),
    )
