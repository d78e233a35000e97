"""Queries about grants. Redeeming a code is one atomic step, so of any number of requests at once exactly one wins."""

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
        """Use up this client's unused code; `token_id` is the `jti` of the token it will give. None where there is no such code.

        The `jti` is written in the same step, so a second use that comes at once already knows which token to end.
        """
        unused = {"code_digest": code_digest, "client_id": client_id, "redeemed_at": None, "ended_at": None}
        return _grant(await self._rows.find_one_and_update(unused, {"$set": {"redeemed_at": at, "token_id": token_id}}))

    async def end_reused(self, code_digest: str, *, client_id: str, at: datetime) -> Grant | None:
        """End the grant whose used code this client presents again; gives it where there is one."""
        used = {"code_digest": code_digest, "client_id": client_id, "redeemed_at": {"$ne": None}}
        return _grant(await self._rows.find_one_and_update(used, {"$set": {"ended_at": at}}))

    async def of_token(self, token_id: str) -> Grant | None:
        """The grant that gave this access token."""
        return _grant(await self._rows.find_one({"token_id": token_id}))

    async def end_of_session(self, session: str, at: datetime) -> None:
        """End what a session gave, codes and tokens alike."""
        await self._rows.update_many({"session.id": session, "ended_at": None}, {"$set": {"ended_at": at}})


def _grant(row: Document | None) -> Grant | None:
    return Grant.model_validate({"id": row.pop("_id"), **row}) if row else None
