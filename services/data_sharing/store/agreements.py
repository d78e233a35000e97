"""Queries about agreements. Each names the asking borough, and finds only agreements that bind it."""

from collections.abc import Sequence

from services.data_sharing.domain.agreement import Agreement, Status
from shared.mongo import Conflict, Document, Scope

MOST_BINDING = 100
"""The most agreements between the same boroughs that a decision reads."""


class Agreements:
    """The agreements."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("agreements")

    async def add(self, agreement: Agreement) -> None:
        """Write a new agreement. Raises `Duplicate` if its ref exists."""
        await self._rows.insert_one(_row(agreement))

    async def exists(self, ref: str) -> bool:
        """Return whether the ref exists. For first data only."""
        return await self._rows.find_one({"_id": ref}, projection={"_id": 1}) is not None

    async def get(self, ref: str, *, visible_to: str) -> Agreement | None:
        """Return the agreement if that borough is a party."""
        row = await self._rows.find_one({"_id": ref, "parties": visible_to})
        return _agreement(row) if row is not None else None

    async def save(self, agreement: Agreement, *, was: int) -> None:
        """Replace revision `was`. Raises `Conflict` if it is no longer the current one."""
        if not await self._rows.replace_one({"_id": agreement.ref, "revision": was}, _row(agreement)):
            raise Conflict("the agreement has changed meanwhile")

    async def page(
        self, *, visible_to: str, parties: Sequence[str], purpose: str | None, status: Status | None, after: str, limit: int
    ) -> list[Agreement]:
        """Return agreements that bind the asking borough and all of `parties`, by ref, after `after`."""
        demands: list[Document] = [{"parties": borough} for borough in dict.fromkeys([visible_to, *parties])]
        demands.append({"_id": {"$gt": after}})
        if purpose is not None:
            demands.append({"purposes": purpose})
        if status is not None:
            demands.append({"status": status.value})
        return [_agreement(row) for row in await self._rows.find({"$and": demands}, sort=[("_id", 1)], limit=limit)]

    async def binding(self, boroughs: Sequence[str], *, purpose: str | None = None, status: Status | None = None) -> list[Agreement]:
        """Return the first hundred agreements, by ref, that bind all these boroughs. The first of `boroughs` is the asking one."""
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
