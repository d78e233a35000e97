"""Queries about clients, and about their used assertions."""

import logging
from datetime import datetime

from pydantic import ValidationError

from services.identity.domain.clients import Client
from shared.mongo import Duplicate, Scope

log = logging.getLogger(__name__)


class Clients:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("clients")
        self._assertions = scope.collection("assertions")

    async def get(self, client_id: str) -> Client | None:
        """Return the client. None also for a client that an earlier version registered and current rules refuse."""
        row = await self._rows.find_one({"_id": client_id})
        if row is None:
            return None
        try:
            return Client.model_validate({"client_id": row.pop("_id"), **row})
        except ValidationError as error:
            log.warning("the client %s is not used, because its registration is refused: %s", client_id, error.errors()[0]["msg"])
            return None

    async def save(self, client: Client) -> None:
        row = client.model_dump(mode="json")
        await self._rows.replace_one({"_id": row.pop("client_id")}, row, upsert=True)

    async def note_assertion(self, digest: str, expires_at: datetime) -> bool:
        """Note the use of a client assertion. Returns False if it was used before (its `jti` is single use)."""
        try:
            await self._assertions.insert_one({"_id": digest, "expires_at": expires_at})
        except Duplicate:
            return False
        return True
