"""Queries about grants. Redeeming a code is one atomic step, so exactly one of several concurrent requests succeeds."""

from datetime import datetime

from services.identity.domain.grants import Grant
from shared.mongo import Document, Scope


class Grants:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("grants")

    async def insert(self, grant: Grant) -> None:
        row = grant.model_dump()
        await self._rows.insert_one({"_id": row.pop("id"), **row})

    async def redeem(self, code_digest: str, *, client_id: str, token_id: str, at: datetime) -> Grant | None:
        """Redeem this client's unused code; None if there is no such code. `token_id` is the `jti` of the new access token.

        The same step writes the `jti`, so a second use, however soon, knows which token to end.
        """
        unused = {"code_digest": code_digest, "client_id": client_id, "redeemed_at": None, "ended_at": None}
        return _grant(await self._rows.find_one_and_update(unused, {"$set": {"redeemed_at": at, "token_id": token_id}}))

    async def end_reused(self, code_digest: str, *, client_id: str, at: datetime) -> Grant | None:
        """End the grant whose redeemed code this client presents again. Returns the grant, if any."""
        used = {"code_digest": code_digest, "client_id": client_id, "redeemed_at": {"$ne": None}}
        return _grant(await self._rows.find_one_and_update(used, {"$set": {"ended_at": at}}))

    async def of_token(self, token_id: str) -> Grant | None:
        """Return the grant that gave this access token."""
        return _grant(await self._rows.find_one({"token_id": token_id}))

    async def end_of_session(self, session: str, at: datetime) -> None:
        """End a session's codes and tokens."""
        await self._rows.update_many({"session.id": session, "ended_at": None}, {"$set": {"ended_at": at}})


def _grant(row: Document | None) -> Grant | None:
    return Grant.model_validate({"id": row.pop("_id"), **row}) if row else None
