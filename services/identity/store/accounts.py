"""Queries about accounts."""

from datetime import datetime

from services.identity.domain.accounts import Account
from shared.mongo import Conflict, Document, Duplicate, Scope


class Accounts:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("accounts")

    async def get(self, account: str) -> Account | None:
        return _account(await self._rows.find_one({"_id": account}))

    async def by_address(self, email_key: str) -> Account | None:
        """Return the account whose normalised address has this keyed digest."""
        return _account(await self._rows.find_one({"email_key": email_key}))

    async def insert(self, account: Account) -> None:
        """Write a new account. Raises Conflict if another sign-in just made one for this address; a retry finds it."""
        try:
            await self._rows.insert_one(_row(account))
        except Duplicate as error:
            raise Conflict("the account was made by another sign-in") from error

    async def note_first_sign_in(self, account: str, at: datetime) -> bool:
        """Note a registered person's first sign-in. Returns True for the one caller that noted it."""
        return await self._rows.update_one({"_id": account, "created_at": None}, {"$set": {"created_at": at}})

    async def next_version(self, account: str) -> int:
        """Increment the account's version and return it. Within a transaction, because another sign-in of this account then raises
        `Conflict`.
        """
        row = await self._rows.find_one_and_update({"_id": account}, {"$inc": {"version": 1}})
        if row is None:
            raise LookupError(f"there is no account {account}")
        return int(row["version"])

    async def register(self, account: Account) -> None:
        """Register a person, or change their registered details. A first sign-in that happened stays noted."""
        row = _row(account)
        fixed = {name: row.pop(name) for name in ("_id", "created_at")}
        await self._rows.update_one({"email_key": account.email_key}, {"$set": row, "$setOnInsert": fixed}, upsert=True)


def _row(account: Account) -> Document:
    row = account.model_dump()
    return {"_id": row.pop("id"), **row}


def _account(row: Document | None) -> Account | None:
    return Account.model_validate({"id": row.pop("_id"), **row}) if row else None
