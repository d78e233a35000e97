"""A stand-in for notifications on a real port: it accepts GOV.UK Notify's email call, checks the token and keeps the email.

The journeys test identity with the real block; here a test must be able to make it fail in every way.
"""

import asyncio
from typing import Any

import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.support.service_runner import eventually, free_port

SERVICE = "8b6ddfb2-6f1e-4a53-9f4b-1a4a7c6e5d01"
SECRET = "0d4d2f04-95c8-4a1c-8a3e-7a3c6d0c9f02"
KEY = f"identity-{SERVICE}-{SECRET}"
TEMPLATE = "5e4c7f10-22b3-4f64-9b8e-3d1f0a2b4c03"


class Mailbox:
    """Accepts emails while it runs; `answer` is the status of its answers, `error` the error class of a refusal."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answer = 201
        self.error = "BadRequestError"
        self.message = "as told"
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def sent(self) -> dict[str, dict[str, Any]]:
        """Accepted emails by their Idempotency-Key."""
        return dict(self.calls)

    async def start(self) -> None:
        app = Starlette(routes=[Route("/v2/notifications/email", self._take, methods=["POST"])])
        config = uvicorn.Config(app, host="127.0.0.1", port=self.port, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(server.serve())
        await eventually(lambda: server.started)

    async def stop(self) -> None:
        if self._server and self._task:
            self._server.should_exit = True
            await self._task

    async def code_for(self, address: str, *, earlier: int = 0) -> str:
        """Wait for more than `earlier` emails to an address; return the code of the newest."""

        def codes() -> list[str]:
            return [body["personalisation"]["code"] for body in self.sent.values() if body["email_address"] == address]

        await eventually(lambda: len(codes()) > earlier)
        return str(codes()[-1])

    async def _take(self, request: Request) -> JSONResponse:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, OctKey.import_key(SECRET), algorithms=["HS256"]).claims
        body = await request.json()
        assert claims["iss"] == SERVICE
        assert body["template_id"] == TEMPLATE
        if self.answer == 201:
            self.calls.append((request.headers["idempotency-key"], body))
            return JSONResponse({"id": request.headers["idempotency-key"]}, 201)
        return JSONResponse({"status_code": self.answer, "errors": [{"error": self.error, "message": self.message}]}, self.answer)
