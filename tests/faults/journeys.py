"""Many concurrent journeys through the running platform, and their state at the end."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

CAMDEN, HACKNEY = "E09000007", "E09000012"
DONE = {"recorded", f"shared:{CAMDEN}:council-tax", f"shared:{HACKNEY}:council-tax", "email", "sms"}
FIRST_PHONE, PHONES = 300, 700
"""From 07700 900000 to 900999, which Ofcom reserves for fiction; the lower numbers include GOV.UK Notify's simulated recipients."""
READERS = 4
TRY_AGAIN = {409, 425, 429, 500, 502, 503, 504}
"""409 means that the first request with this Idempotency-Key is still running. `Crowd.surprises` counts 500s."""


@dataclass
class Journey:
    """One citizen's move: `number` makes its email address and phone number unique within a crowd."""

    run: str
    number: int
    move: str | None = None
    """The move's id, once accepted."""
    content: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.run}-{self.number}"

    @property
    def email(self) -> str:
        return f"mover-{self.key}@example.com"

    @property
    def phone(self) -> str:
        return f"447700900{FIRST_PHONE + self.number % PHONES}"

    def request(self) -> dict[str, Any]:
        """The request body of the borough's system."""
        return {
            "subject": f"urn:test:{self.key}",
            "given_name": "Mo",
            "family_name": "Mover",
            "email": self.email,
            "phone": self.phone,
            "old_address": {"text": "1 Old Street", "postcode": "NW1 1AA", "borough": CAMDEN},
            "new_address": {"text": "2 New Street", "postcode": "E8 1EA", "borough": HACKNEY},
            "moved_on": "2026-11-20",
            "tell": [{"borough": CAMDEN, "purpose": "council-tax"}, {"borough": HACKNEY, "purpose": "council-tax"}],
        }


class Crowd:
    """The journeys of one round. It repeats every call until it is answered, as a borough's client does."""

    def __init__(self, ready: dict[str, Any], run: str, size: int) -> None:
        self._ready = ready
        self.journeys = [Journey(run, number) for number in range(size)]
        self.began = datetime.now(UTC)
        self.surprises: Counter[str] = Counter()
        """Answers with 500, which no kill may cause."""
        self.refusals: Counter[str] = Counter()
        self._tokens: dict[tuple[str, str], str] = {}
        self._http = httpx.AsyncClient(timeout=20, limits=httpx.Limits(max_connections=60))

    async def __aenter__(self) -> "Crowd":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    @property
    def open(self) -> list[Journey]:
        """The journeys that are not yet known to be complete."""
        return [journey for journey in self.journeys if journey.content.get("status") != "complete"]

    async def go(self, over_seconds: float) -> None:
        """Submit each journey at a random moment within `seconds`, until it is accepted."""
        await asyncio.gather(*(self._submit(journey, random.uniform(0, over_seconds)) for journey in self.journeys))

    async def follow(self) -> None:
        """Poll each open journey once."""
        gate = asyncio.Semaphore(READERS)

        async def look(journey: Journey) -> None:
            async with gate:
                answer = await self._call("GET", f"/api/moves/{journey.move}")
                assert answer.status_code == 200, f"an accepted move is not to be found: {answer.text}"
                journey.content = answer.json()

        await asyncio.gather(*(look(journey) for journey in self.open if journey.move is not None))

    def steps(self) -> dict[str, dict[str, str]]:
        """Return the steps of each journey by its key."""
        return {journey.key: {step["name"]: step["status"] for step in journey.content.get("steps", [])} for journey in self.journeys}

    async def messages(self) -> Counter[tuple[str, str]]:
        """Count messages by (channel, recipient without its plus) since the crowd began; a message delivered twice counts once."""
        answer = await self._until_answered("GET", self._ready["captured"], params={"since": self.began.isoformat(), "limit": "1000"})
        found: list[dict[str, Any]] = answer.json()
        assert len(found) < 1000, "more than can be listed at once"
        return Counter((message["channel"], "".join(message["to"].split()).removeprefix("+")) for message in found)

    def shares_made(self, recipient: str) -> Counter[str]:
        """Return the ids of the shares to that borough, from the moves."""
        steps = (step for journey in self.journeys for step in journey.content.get("steps", []))
        return Counter(str(step["share"]) for step in steps if step["name"].startswith(f"shared:{recipient}:"))

    async def shares(self, recipient: str) -> Counter[str]:
        """Return the ids of the shares in that borough's inbox since the crowd began."""
        found: Counter[str] = Counter()
        cursor: str | None = None
        while True:
            url = f"{self._ready['urls']['data_sharing']}/v1/inbox"
            params = {"limit": "100", **({"cursor": cursor} if cursor else {})}
            answer = await self._authorised("GET", url, borough=recipient, scope="data_sharing:inbox:read", params=params)
            page = answer.json()
            new = [share["id"] for share in page["items"] if datetime.fromisoformat(share["delivered_at"]) >= self.began]
            found.update(new)
            cursor = page["next"]
            if cursor is None or len(new) < len(page["items"]):
                return found

    async def _submit(self, journey: Journey, after: float) -> None:
        await asyncio.sleep(after)
        answer = await self._call("POST", "/api/moves", json=journey.request(), headers={"Idempotency-Key": journey.key})
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        journey.move = answer.json()["id"]

    async def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        url = self._ready["urls"]["move_home"] + path
        return await self._authorised(method, url, borough=HACKNEY, scope="move_home:move:create", **request)

    async def _authorised(self, method: str, url: str, *, borough: str, scope: str, **request: Any) -> httpx.Response:
        if (borough, scope) not in self._tokens:
            self._tokens[borough, scope] = await self._token(borough, scope)
        headers = request.pop("headers", {}) | {"Authorization": f"Bearer {self._tokens[borough, scope]}"}
        return await self._until_answered(method, url, headers=headers, **request)

    async def _token(self, borough: str, scope: str) -> str:
        identity = self._ready["identity"]
        client = next(client for client in identity["machine_clients"] if client["borough"] == borough)
        answer = await self._until_answered(
            "POST",
            f"{identity['issuer']}/token",
            data={"grant_type": "client_credentials", "scope": scope},
            auth=(client["client_id"], client["client_secret"]),
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def _until_answered(self, method: str, url: str, **request: Any) -> httpx.Response:
        pause = 0.1
        while True:
            try:
                answer = await self._http.request(method, url, **request)
            except httpx.TransportError as error:
                self.refusals[type(error).__name__] += 1
            else:
                if answer.status_code not in TRY_AGAIN:
                    return answer
                self.refusals[str(answer.status_code)] += 1
                if answer.status_code == 500:
                    self.surprises[f"500 from {httpx.URL(url).path}: {answer.text[:200]}"] += 1
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(1.0, pause * 2)
