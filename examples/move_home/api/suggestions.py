"""Suggestions for the address question's script, for signed-in citizens only."""

from typing import Annotated

import httpx
from fastapi import Depends, Query
from pydantic import BaseModel
from starlette.responses import Response

from examples.move_home.domain.answers import Which
from examples.move_home.domain.choices import Answer, Found
from shared.http import Problem, Router

from .dependencies import Citizen, Lookup, citizen_if_signed_in

router = Router(include_in_schema=False)

LONGEST = 200
"""Characters of a text; `answers.Typed` takes as many."""
RETRY_AFTER = {"Retry-After": "10"}
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}


class Suggestion(BaseModel):
    """A suggestion in the form of `shared/pages`' address picker."""

    text: str
    value: str | None
    """UPRN; None where choosing it only narrows the search."""
    note: str | None

    @classmethod
    def of(cls, found: Found) -> "Suggestion":
        """Return the suggestion of a result."""
        return cls(text=found.line, value=found.uprn if found.is_address else None, note=found.note)


class Suggestions(BaseModel):
    """Suggestions, best first."""

    suggestions: list[Suggestion]
    unmatched: list[str]
    """Words that the first suggestion lacks; without a suggestion, words that no address has."""


async def _signed_in(citizen: Annotated[Citizen | None, Depends(citizen_if_signed_in)]) -> None:
    if citizen is None:
        raise Problem(401, "Sign in first.", type="not-signed-in")


@router.get("/move/{which}/suggestions", dependencies=[Depends(_signed_in)])
async def suggest(
    which: Which,  # noqa: ARG001 (the new and the old address are suggested alike)
    q: Annotated[str, Query(max_length=LONGEST)],
    addresses: Lookup,
    response: Response,
) -> Suggestions:
    """Return addresses, and results that lead to them, for an unfinished text."""
    response.headers.update(PRIVATE)
    typed = q.strip()
    try:
        found = await addresses.suggest(typed) if typed else Answer([], ())
    except httpx.HTTPStatusError as error:
        if error.response.status_code == 429:
            headers = {"Retry-After": error.response.headers.get("Retry-After", RETRY_AFTER["Retry-After"])}
            raise Problem(429, "Too much is being asked. Try again in a moment.", type="too-many-requests", headers=headers) from None
        raise _down() from None
    except httpx.HTTPError:
        raise _down() from None
    return Suggestions(suggestions=[Suggestion.of(one) for one in found.results], unmatched=list(found.unmatched))


def _down() -> Problem:
    return Problem(503, "Addresses cannot be looked up at the moment.", type="unavailable", headers=RETRY_AFTER)
