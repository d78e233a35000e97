"""Search for an address while a user types, and match a written address to its premises."""

from typing import Annotated, Any, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from services.addresses.domain.search.matching import Decision, Matching, Tokens
from services.addresses.domain.search.result import Answer, Found, ResultKind
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from shared.http import Router

from .common import Live, Reader
from .warnings import SPLIT, Warned, if_any, if_split, split_postcodes

router = Router(prefix="/v1/addresses", tags=["addresses"])


class Address(BaseModel):
    """One result. Streets and postcodes have no `uprn`, and a street no `postcode`."""

    uprn: str | None = Field(description="Unique Property Reference Number, up to 12 digits")
    address: str = Field(description="In one line, as it would be written")
    postcode: str | None
    borough: str = Field(description="GSS code of the borough")
    lat: float = Field(description="Degrees, ETRS89 (WGS84 within a metre)")
    lng: float = Field(description="Degrees, ETRS89 (WGS84 within a metre)")
    kind: ResultKind
    postcode_boroughs: list[str] = Field(default_factory=list, description=SPLIT)


def fields(found: Found, gazetteer: Gazetteer) -> dict[str, Any]:
    """Return the fields of `Address`."""
    return {
        "uprn": str(found.uprn) if found.uprn is not None else None,
        "address": found.address,
        "postcode": found.postcode or None,
        "borough": found.borough,
        "lat": found.lat,
        "lng": found.lng,
        "kind": found.kind,
        **if_split(found.postcode, gazetteer),
    }


class Addresses(BaseModel):
    """Search results, best first."""

    results: list[Address]
    unmatched: list[str] = Field(
        default_factory=list,
        description="Words of `q`, in lower case, that the first result does not hold; without results, those that no address holds. "
        "Absent where all are held",
    )
    corrected: dict[str, str] = Field(
        default_factory=dict,
        description="Words of `q` that the first result holds in another spelling, and that spelling; absent without any",
    )
    warnings: list[Warned] = Field(
        default_factory=list, description="Of postcodes among the results that lie in several boroughs; absent without any"
    )


def shown(answer: Answer, gazetteer: Gazetteer) -> dict[str, Any]:
    """Return the fields of `Addresses`. FastAPI validates them once; a model of each result would double the time."""
    warnings = if_any(split_postcodes((found.postcode for found in answer.results), gazetteer))
    unlike = {"unmatched": list(answer.unmatched), "corrected": answer.corrected}
    named = {name: words for name, words in unlike.items() if words}
    return {"results": [fields(found, gazetteer) for found in answer.results], **named, **warnings}


@router.get("/search", response_model=Addresses, response_model_exclude_unset=True)
async def search_addresses(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    q: Annotated[
        str, Query(description="A postcode, the beginning of one, parts of an address, or both. Its first 300 characters are read.")
    ],
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    borough: Annotated[str | None, Query(pattern=r"^[EWSN]\d{8}$", description="GSS code: results of this borough only")] = None,
) -> dict[str, Any]:
    """Find addresses, streets and postcodes that match the text typed so far, best first.

    `unmatched` lists the words that the first result lacks; `corrected` maps words to the first result's spelling.
    """
    return shown(live.gazetteer.answer(q, limit, borough), live.gazetteer)


class MatchedTokens(BaseModel):
    """The words of the written address, in lower case."""

    matched: list[str] = Field(description="Held by the address")
    corrected: dict[str, str] = Field(description="Misspelt, abbreviated or begun, with what the address holds")
    missing: list[str] = Field(description="Not in the address")

    @classmethod
    def of(cls, tokens: Tokens) -> Self:
        """Create the view of the tokens."""
        return cls(matched=list(tokens.matched), corrected=tokens.corrected, missing=list(tokens.missing))


class CandidateAddress(BaseModel):
    """A candidate for the written address."""

    uprn: str = Field(description="Unique Property Reference Number, up to 12 digits")
    address: str = Field(description="In one line, as it would be written")
    postcode_boroughs: list[str] = Field([], description=SPLIT)
    confidence: float = Field(ge=0, le=1, description="The probability that it is the one")
    tokens: MatchedTokens


class Matched(BaseModel):
    """The decision on a written address, and its candidates, most probable first."""

    decision: Decision = Field(description="match: take the first; possible: let a person choose; none: it is not held")
    matches: list[CandidateAddress]
    warnings: list[Warned] = Field([], description="Of postcodes among the candidates that lie in several boroughs; absent without any")

    @classmethod
    def of(cls, found: Matching, gazetteer: Gazetteer) -> Self:
        """Create the view of a matching."""
        return cls(
            decision=found.decision,
            matches=[
                CandidateAddress(
                    uprn=str(match.uprn),
                    address=match.address,
                    confidence=match.confidence,
                    tokens=MatchedTokens.of(match.tokens),
                    **if_split(match.postcode, gazetteer),
                )
                for match in found.matches
            ],
            **if_any(split_postcodes((match.postcode for match in found.matches), gazetteer)),
        )


LONGEST_ADDRESS = 1_000


class WrittenAddress(BaseModel):
    """An address as somebody wrote it."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(max_length=LONGEST_ADDRESS, description="In one line. Its first 300 characters are read.")
    postcode: str | None = Field(None, max_length=LONGEST_ADDRESS, description="Where it was written apart, whole or in part")
    limit: int = Field(5, ge=1, le=20)


def _matched(live: Live, asked: WrittenAddress) -> Matched:
    gazetteer = live.gazetteer
    return Matched.of(gazetteer.match(asked.address, asked.postcode, asked.limit), gazetteer)


@router.get("/match", response_model_exclude_unset=True)
async def match_address(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    asked: Annotated[WrittenAddress, Query()],
) -> Matched:
    """Match a written address to its premises, with the probability of each candidate and the words that matched."""
    return _matched(live, asked)


@router.post("/match", response_model_exclude_unset=True)
async def match_address_in_body(
    live: Live,
    caller: Reader,  # noqa: ARG001 (the scope is the point)
    asked: WrittenAddress,
) -> Matched:
    """Match as GET does. Proxies do not log an address in a request body."""
    return _matched(live, asked)
