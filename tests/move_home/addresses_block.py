"""A stand-in for the addresses block on a real port: the format of its search, with the test's addresses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Query
from starlette.responses import JSONResponse, Response

from tests.support.service_runner import free_port

HACKNEY, ISLINGTON = "E09000012", "E09000019"


def premises(number: int, text: str, postcode: str, kind: str = "premises", borough: str = HACKNEY, *split: str) -> dict[str, Any]:
    """Return a search result in the block's format; streets and postcodes have no UPRN. `split` holds all boroughs of its postcode."""
    return {
        "uprn": str(number) if kind in {"premises", "shell"} else None,
        "address": f"{text}, {postcode}" if text else postcode,
        "postcode": postcode or None,
        "borough": borough,
        "lat": 51.5,
        "lng": -0.1,
        "kind": kind,
        "postcode_boroughs": list(split) or [borough] if postcode else [],
    }


@dataclass
class AddressesBlock:
    """The addresses, the received queries, and the failure to simulate. It ranks by the number of matching words, as the block does."""

    url: str
    held: list[dict[str, Any]]
    asked: list[str] = field(default_factory=list)
    fails_with: Response | None = None
    waits: asyncio.Event | None = None
    unmatched: list[str] = field(default_factory=list)

    async def search(self, q: str, limit: int = Query(10, ge=1, le=100)) -> Response:
        """`GET /v1/addresses/search`."""
        self.asked.append(q)
        if self.waits:
            await self.waits.wait()
        if self.fails_with:
            return self.fails_with
        wanted = set(q.replace(",", " ").casefold().split())
        shared = [(len(wanted & set(row["address"].replace(",", " ").casefold().split())), row) for row in self.held]
        # both halves of a known postcode
        least = 2 if any(row["postcode"] and row["postcode"] in q for row in self.held) else 1
        found = [row for count, row in sorted(shared, key=lambda one: -one[0]) if count >= least]
        return JSONResponse({"results": found[:limit]} | ({"unmatched": self.unmatched} if self.unmatched else {}))


@asynccontextmanager
async def addresses_block(*held: dict[str, Any]) -> AsyncIterator[AddressesBlock]:
    """Serve the block, and identity's token endpoint for its callers."""
    port = free_port()
    block = AddressesBlock(f"http://127.0.0.1:{port}", list(held))
    app = FastAPI()
    app.add_api_route("/v1/addresses/search", block.search)
    app.add_api_route("/token", lambda: {"access_token": "t", "expires_in": 600}, methods=["POST"])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
        yield block
    finally:
        server.should_exit = True
        if block.waits:
            block.waits.set()
        await task
