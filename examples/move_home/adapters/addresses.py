"""Finding addresses and councils by postcode."""

from dataclasses import dataclass

import httpx

from examples.move_home.domain.answers import Address
from examples.move_home.domain.boroughs import BOROUGHS

MOST = 100


@dataclass(frozen=True)
class Premises:
    """An address that can be chosen."""

    uprn: str
    text: str
    postcode: str
    borough: str

    @property
    def address(self) -> Address:
        """The choice as an answer."""
        return Address(uprn=self.uprn, text=self.text, postcode=self.postcode, borough=self.borough)


class Addresses:
    """The addresses block."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def at(self, postcode: str) -> list[Premises]:
        """The premises at exactly this postcode, in the block's order. Raises httpx.HTTPError while it is down."""
        response = await self._http.get("/v1/addresses/search", params={"q": postcode, "limit": MOST})
        found = response.raise_for_status().json()["results"]
        return [_premises(result) for result in found if result["kind"] == "premises" and result["postcode"] == postcode]

    async def borough_of(self, postcode: str) -> str | None:
        """GSS code of the London borough that a postcode lies in; None for one outside London, or one that does not exist."""
        response = await self._http.get(f"/postcodes/{postcode}")
        if response.status_code == 404:
            return None
        code = response.raise_for_status().json()["result"]["codes"]["admin_district"]
        return code if code in BOROUGHS else None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _premises(result: dict[str, str]) -> Premises:
    text = result["address"].removesuffix(result["postcode"]).rstrip(" ,")
    return Premises(uprn=str(result["uprn"]), text=text, postcode=result["postcode"], borough=result["borough"])
