"""The stored commands of processes: claims, retries, and an operator's view of dead ones.

A command's id is the `Idempotency-Key` of its calls, so a repeated call takes effect once while the receiver keeps its reply
(`shared.idempotency`, `STORED_REPLY_DAYS`). A command is therefore retried for `TRIED_DAYS`, which is shorter. Then it is *dead*: the row
stays, no replica retries it, and an operator releases or discards it. After the receiver has forgotten the reply, only the operator can
know whether the call took effect, so such a release needs `may_repeat`.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import clock, retry, telemetry
from shared.events import new_id
from shared.mongo import Collection, Database, Document
from shared.settings import STORED_REPLY_DAYS

log = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
TRIED_DAYS = 4
"""Longer than a service is down over a bank holiday weekend."""
SAFE_TO_REPEAT = timedelta(days=STORED_REPLY_DAYS - 1)
"""A day less than the receiver keeps its reply, for clocks that differ."""
DEAD = "dead"


@dataclass(frozen=True)
class Command:
    """One command of a process's instance."""

    id: str
    process: str
    instance: str
    kind: str
    state: str
    """Empty while replicas retry it, or `dead`."""
    error: str
    """Kind of the last failure."""
    attempts: int
    created_at: datetime


class NoSuchCommandError(LookupError):
    """No dead command has this id."""


class MayRepeatError(ValueError):
    """The receiver may have forgotten its reply: a repeated call may take effect twice."""


class Commands:
    """The commands of one service's database."""

    def __init__(self, database: Database[Any]) -> None:
        self._rows: Collection = database.collection("commands")

    # -- for the process -----------------------------------------------------------------------------------------------------------

    async def due(self, process: str, kinds: list[str], limit: int) -> list[Document]:
        """Commands to run now, of the kinds that this replica knows."""
        where = {"process": process, "kind": {"$in": kinds}, "due": {"$gt": _BEGINNING, "$lte": clock.now()}, "holder": None}
        return await self._rows.find(where, sort=[("due", 1)], limit=limit)

    async def claim(self, row: Document, holder: str) -> int:
        """Claims a command for the process of this name. Returns the number of the attempt, or 0 if another process claimed it first."""
        change = {"$set": {"holder": holder, "attempts": row["attempts"] + 1}}
        claimed = await self._rows.update_one({"_id": row["_id"], "holder": None, "attempts": row["attempts"]}, change)
        return int(row["attempts"]) + 1 if claimed else 0

    async def failed(self, row: Document, attempt: int, error: BaseException) -> None:
        """Postpones a failed command, or makes it dead after `TRIED_DAYS`."""
        telemetry.process_failures.add(1, {"process": row["process"], "kind": row["kind"], "error.type": type(error).__name__})
        change: Document = {"holder": None, "error": type(error).__name__, "created_at": row.get("created_at") or clock.now()}
        if clock.now() - created_at(row) >= timedelta(days=TRIED_DAYS):
            change |= {"state": DEAD, "due": None, "died_at": clock.now()}
            log.error("command %s of %s is dead after %d days; `blocks dead-letters` has it", row["kind"], row["instance"], TRIED_DAYS)
        else:
            pause = retry.pause(attempt, first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS)
            change |= {"due": clock.now() + timedelta(seconds=pause)}
            log.warning("command %s will be tried again in %.0f s (attempt %d)", row["kind"], pause, attempt, exc_info=error)
        await self._rows.update_one({"_id": row["_id"], "attempts": attempt}, {"$set": change})

    # -- for an operator -----------------------------------------------------------------------------------------------------------

    async def count_dead(self) -> int:
        """The number of dead commands."""
        return await self._rows.count({"state": DEAD})

    async def list_dead(self, *, limit: int = 100) -> list[Command]:
        """Dead commands, oldest first."""
        return [_read(row) for row in await self._rows.find({"state": DEAD}, sort=[("died_at", 1)], limit=limit)]

    async def show(self, id_: str) -> Command:
        """One dead command. Raises `NoSuchCommandError`."""
        row = await self._rows.find_one({"_id": id_, "state": DEAD})
        if row is None:
            raise NoSuchCommandError(id_)
        return _read(row)

    async def release(self, id_: str, *, may_repeat: bool = False) -> None:
        """Retries a dead command, for another `TRIED_DAYS`.

        Raises `MayRepeatError` if the receiver may have forgotten an earlier call, unless `may_repeat` accepts a second effect.
        """
        command = await self.show(id_)
        if not may_repeat and clock.now() - command.created_at >= SAFE_TO_REPEAT:
            raise MayRepeatError(id_)
        change = {"$set": {"state": "", "due": clock.now(), "released_at": clock.now()}}
        await self._rows.update_one({"_id": id_, "state": DEAD}, change)

    async def discard(self, id_: str) -> None:
        """Deletes a dead command for good; its instance gets no outcome. Raises `NoSuchCommandError`."""
        if not await self._rows.delete_one({"_id": id_, "state": DEAD}):
            raise NoSuchCommandError(id_)


def new_row(process: str, instance: str, kind: str, content: Document) -> Document:
    """The row of a command that is due at once."""
    now = clock.now()
    return {
        "_id": new_id(),
        "process": process,
        "instance": instance,
        "kind": kind,
        "command": content,
        "state": "",
        "error": "",
        "due": now,
        "holder": None,
        "attempts": 0,
        "created_at": now,
    }


def created_at(row: Document) -> datetime:
    """When a command was created or released. A row of an earlier release has no time, and counts from its next failure."""
    return row.get("released_at") or row.get("created_at") or clock.now()


def _read(row: Document) -> Command:
    return Command(
        id=row["_id"],
        process=row["process"],
        instance=row["instance"],
        kind=row["kind"],
        state=row.get("state", ""),
        error=row.get("error", ""),
        attempts=row["attempts"],
        created_at=row.get("created_at") or row["died_at"],
    )


_BEGINNING = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
"""A closed range, which every database can answer from the index."""
