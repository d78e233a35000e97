"""The addresses service: addresses and councils by postcode, and addresses by text."""

import httpx

from examples.move_home.domain import choices
from examples.move_home.domain.answers import Search
from examples.move_home.domain.boroughs import BOROUGHS
from examples.move_home.domain.choices import MOST, SUGGESTED, Answer, Choice, Found

WHILE_TYPING = httpx.Timeout(2.0)
"""Seconds; a later suggestion helps nobody."""


class Addresses:
    """A client of the addresses service. Every call raises httpx.HTTPError while the service is down."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def choice(self, search: Search) -> Choice:
        """Return the addresses that a search offers."""
        if search.postcode is None:
            answer = await self._search(search.text)
            return choices.like(answer.results, answer.unmatched)
        choice = choices.at_postcode((await self._search(search.postcode)).results, search.postcode, search.text)
        if choice.is_all or not search.text:
            return choice
        return choices.best_at_postcode((await self._search(str(search))).results, search.postcode, search.text)

    async def suggest(self, typed: str) -> Answer:
        """Return suggestions for an unfinished text."""
        answer = await self._search(typed, limit=SUGGESTED + 1, within=WHILE_TYPING)
        return Answer(choices.suggestions(answer.results, typed), answer.unmatched)

    async def offered(self, line: str, uprn: str) -> Found | None:
        """Return the address with this UPRN if a search for `line` offers it with exactly that line: a browser's form proves nothing."""
        found = choices.like((await self._search(line)).results).find(uprn) if uprn else None
        return found if found and found.line == line else None

    async def boroughs_of(self, postcode: str) -> tuple[str, ...]:
        """Return the GSS codes of a postcode's London boroughs; none for a postcode outside London or an unknown one."""
        here = [found for found in (await self._search(postcode, limit=1)).results if found.postcode == postcode]
        return tuple(borough for found in here for borough in found.postcode_boroughs if borough in BOROUGHS)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _search(self, text: str, *, limit: int = MOST, within: httpx.Timeout | None = None) -> Answer:
        asked: dict[str, str | int] = {"q": text, "limit": limit}
        response = await self._http.get("/v1/addresses/search", params=asked, timeout=within or self._http.timeout)
        body = response.raise_for_status().json()
        found = [
            Found(
                result["kind"],
                result["uprn"],
                result["address"],
                result["postcode"],
                result["borough"],
                tuple(result.get("postcode_boroughs", [result["borough"]])),
            )
            for result in body["results"]
        ]
        return Answer(found, tuple(body.get("unmatched", ())))
