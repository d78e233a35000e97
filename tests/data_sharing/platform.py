"""The service under test, its callers (boroughs, a citizen), and access to the stored rows."""

from dataclasses import dataclass
from typing import Any

import httpx

from services.data_sharing.store import Store
from tests.support.published_events import published
from tests.support.service_runner import RunningService, eventually
from tests.support.tokens import Tokens

from .texts import CAMDEN, COUNCIL_TAX, HACKNEY, ITEMS, text

BOROUGH_SCOPE = " ".join(
    f"data_sharing:{what}" for what in ("agreement:read", "agreement:write", "agreement:sign", "share:create", "inbox:read")
)
CITIZEN = "pairwise-sub-of-ada"


@dataclass
class Platform:
    """The service under test, with requests of boroughs and citizens."""

    running: RunningService
    tokens: Tokens

    @property
    def store(self) -> Store:
        store = self.running.service.store
        assert isinstance(store, Store)
        return store

    async def call(self, borough: str | None, method: str, path: str, *, client_id: str | None = None, **options: Any) -> httpx.Response:
        headers = self.tokens.bearer(BOROUGH_SCOPE, borough=borough, client_id=client_id or f"client-{borough}")
        return await self.running.http.request(method, path, headers={**headers, **options.pop("headers", {})}, **options)

    async def as_citizen(
        self, path: str, subject: str = CITIZEN, *, borough: str = HACKNEY, sector: str | None = None, **params: Any
    ) -> httpx.Response:
        claims = {"sector": sector} if sector else {}
        headers = self.tokens.bearer("data_sharing:record:read", borough=borough, subject=subject, **claims)
        return await self.running.http.get(path, headers=headers, params=params)

    async def step(self, borough: str, ref: str, step: str, **options: Any) -> httpx.Response:
        return await self.call(borough, "POST", f"/v1/agreements/{ref}/{step}", **options)

    async def sign(self, borough: str, ref: str, sha256: str) -> httpx.Response:
        return await self.step(borough, ref, "sign", json={"person": "A. Officer", "position": "Director", "text_sha256": sha256})

    async def awaiting(self, **over: Any) -> tuple[str, str]:
        """Create an agreement that awaits signatures; return its ref and its text's hash."""
        drafted = await self.call(CAMDEN, "POST", "/v1/agreements", json=text(**over))
        assert drafted.status_code == 201, drafted.text
        ref = drafted.json()["ref"]
        submitted = await self.step(HACKNEY, ref, "submit")
        assert submitted.status_code == 200, submitted.text
        return ref, submitted.json()["text_sha256"]

    async def active(self, **over: Any) -> str:
        """Create an agreement in force; return its ref."""
        ref, sha256 = await self.awaiting(**over)
        for borough in (CAMDEN, HACKNEY):
            assert (await self.sign(borough, ref, sha256)).status_code == 200
        return ref

    async def share(self, ref: str | None, recipient: str = CAMDEN, reference: str = "move-1", **over: Any) -> httpx.Response:
        """Share as Hackney's app, or `sender`'s; without `ref` the service chooses the agreement."""
        sender = over.pop("sender", HACKNEY)
        headers = over.pop("headers", {})
        client_id = over.pop("client_id", "move-home")
        body = {
            **({"agreement": ref} if ref else {}),
            "purpose": COUNCIL_TAX,
            "subject": CITIZEN,
            "recipient": recipient,
            "reference": reference,
            "items": ITEMS,
            **over,
        }
        return await self.call(sender, "POST", "/v1/shares", json=body, headers=headers, client_id=client_id)

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the payloads of published events of that type, in the order of their ids."""
        ce_type = f"london.blocks.data_sharing.{kind}.v1"
        return [event.payload for event in await published(self.running.service) if event.about.type == ce_type]

    async def record(self, **params: Any) -> list[dict[str, Any]]:
        answer = await self.as_citizen("/v1/record", **params)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def sealed(self) -> None:
        """Wait until the sequencer has sealed every entry."""

        async def check() -> None:
            assert await self.store.collection("record_queue").count({}) == 0

        await eventually(check)


def readable(value: object) -> str:
    """Return a stored value as searchable text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
