"""The reference of `addresses_http`, FastAPI alone: `python -m benchmarks.web.addresses_bare`.

It returns stored results for the same queries: no authorisation, no tracing, no search.
"""

import json
import os
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from services.addresses.api.v1.addresses import Addresses

app = FastAPI()
known = {text: Addresses.model_validate(reply) for text, reply in json.loads(Path(os.environ["BENCH_REPLIES"]).read_bytes()).items()}


@app.get("/ready")
async def ready() -> dict[str, bool]:
    """Answer that the app runs."""
    return {"ready": True}


@app.get("/v1/addresses/search")
async def search(q: str, limit: int = 10) -> Addresses:  # noqa: ARG001 (clients send it)
    """Return the stored result of this query."""
    return known[q]


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False, loop="uvloop", http="httptools")
