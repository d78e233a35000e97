"""Queries about what waits for a release to hold it: rows with `awaited` and the release that they were last looked for in, `tried`."""

from shared.mongo import Collection

_AFTER_ALL = "\uffff"


async def untried(rows: Collection, release: str) -> list[str]:
    """Ids of what was not looked for in a release, in two closed ranges of the index."""
    ranges = ({"$gte": "", "$lt": release}, {"$gt": release, "$lt": _AFTER_ALL})
    found = [await rows.find({"awaited": True, "tried": tried}, projection={"_id": 1}) for tried in ranges]
    return sorted(row["_id"] for each in found for row in each)


async def note_tried(rows: Collection, id_: str, release: str) -> None:
    """Note that a release does not hold it."""
    await rows.update_one({"_id": id_, "awaited": True}, {"$set": {"tried": release}})
