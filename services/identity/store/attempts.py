"""Queries about attempts to sign in."""

from datetime import datetime

from services.identity.domain.sign_in import MAX_TRIES, Attempt
from shared.mongo import Document, Scope


class Attempts:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("attempts")

    async def insert(self, attempt: Attempt) -> None:
        row = attempt.model_dump()
        await self._rows.insert_one({"_id": row.pop("id"), **row})

    async def get(self, attempt: str) -> Attempt | None:
        return _attempt(await self._rows.find_one({"_id": attempt}))

    async def count_try(self, attempt: str, *, browser: str, at: datetime) -> Attempt | None:
        """Count one try and return the attempt, in one step: concurrent guesses share the five tries.

        None if no try is left, the code expired or was used, or another browser presents it.
        """
        open_attempt = {"_id": attempt, "browser": browser, "used_at": None, "expires_at": {"$gt": at}, "tries": {"$lt": MAX_TRIES}}
        return _attempt(await self._rows.find_one_and_update(open_attempt, {"$inc": {"tries": 1}}))

    async def use(self, attempt: str, at: datetime) -> bool:
        """Mark the code as used. Returns True for the one caller that did."""
        return await self._rows.update_one({"_id": attempt, "used_at": None}, {"$set": {"used_at": at}})


def _attempt(row: Document | None) -> Attempt | None:
    return Attempt.model_validate({"id": row.pop("_id"), **row}) if row else None
