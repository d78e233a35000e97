"""Queries about agreements. Each names the borough that asks: to others an agreement does not exist."""

from collections.abc import Sequence

from services.data_sharing.domain.agreement import Agreement, Status
from shared.mongo import Conflict, Document, Scope

MOST_BINDING = 100
"""How many agreements between the same boroughs a share is decided among."""


class Agreements:
    """The agreements."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("agreements")

    async def add(self, agreement: Agreement) -> None:
        """Keep a new one. Raises `Duplicate` when there is one of that ref."""
        await self._rows.insert_one(_row(agreement))

    async def exists(self, ref: str) -> bool:
        """Whether there is one of that ref; for first data only."""
        return await self._rows.find_one({"_id": ref}, projection={"_id": 1}) is not None

    async def get(self, ref: str, *, visible_to: str) -> Agreement | None:
        """The agreement, where that borough is a party of it."""
        row = await self._rows.find_one({"_id": ref, "parties": visible_to})
        return _agreement(row) if row is not None else None

    async def save(self, agreement: Agreement, *, was: int) -> None:
        """Replace revision `was`. Raises `Conflict` when it is no longer the current one."""
        if not await self._rows.replace_one({"_id": agreement.ref, "revision": was}, _row(agreement)):
            raise Conflict("the agreement has changed meanwhile")

    async def page(
        self, *, visible_to: str, parties: Sequence[str], purpose: str | None, status: Status | None, after: str, limit: int
    ) -> list[Agreement]:
        """Agreements that bind the asking borough and all of `parties`, by ref, beyond `after`."""
        demands: list[Document] = [{"parties": borough} for borough in dict.fromkeys([visible_to, *parties])]
        demands.append({"_id": {"$gt": after}})
        if purpose is not None:
            demands.append({"purposes": purpose})
        if status is not None:
            demands.append({"status": status.value})
        return [_agreement(row) for row in await self._rows.find({"$and": demands}, sort=[("_id", 1)], limit=limit)]

    async def binding(self, boroughs: Sequence[str], *, purpose: str | None = None, status: Status | None = None) -> list[Agreement]:
        """The first hundred agreements, by ref, that bind all these boroughs, of which the first is the one that asks."""
        return await self.page(visible_to=boroughs[0], parties=boroughs, purpose=purpose, status=status, after="", limit=MOST_BINDING)


def _row(agreement: Agreement) -> Document:
    return {
        "_id": agreement.ref,
        "parties": list(agreement.text.boroughs),
        "purposes": [purpose.id for purpose in agreement.text.purposes],
        "status": agreement.status.value,
        "revision": agreement.revision,
        "state": agreement.model_dump(mode="json"),
    }


def _agreement(row: Document) -> Agreement:
    return Agreement.model_validate(row["state"])
