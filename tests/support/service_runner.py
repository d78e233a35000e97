"""Runs a service in this process on a real port, with its workers, as `python -m services.NAME` does."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import httpx
import uvicorn

from shared.service import Service

TRUST = httpx.create_ssl_context()
"""Shared by all clients: loading the trusted certificates takes longer than most tests."""


@dataclass
class RunningService:
    """A service that answers at `url`; `http` is a client of it."""

    service: Service
    url: str
    http: httpx.AsyncClient


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def run_service(service: Service) -> AsyncIterator[RunningService]:
    """Run the service on its settings' port until the end of the block; then stop it gracefully."""
    port = service.settings.port
    server = uvicorn.Server(service.server_config(host="127.0.0.1", port=port, timeout_graceful_shutdown=5))
    await service.start()
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the server ended at once")
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=20, verify=TRUST) as http:
            yield RunningService(service, url, http)
    finally:
        server.should_exit = True
        await task
        await service.stop()


async def eventually(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Call `check` until it returns None or a true value without an AssertionError; fail after `seconds` with its last answer."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        problem: AssertionError | None = None
        answer: Any = None
        try:
            result = check()
            answer = await result if isawaitable(result) else result
            if answer is None or answer:
                return answer
        except AssertionError as error:
            problem = error
        if asyncio.get_running_loop().time() > deadline:
            raise problem or AssertionError(f"not within {seconds} s; last answer: {answer!r}")
        await asyncio.sleep(0.02)
