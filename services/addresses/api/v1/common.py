"""Dependencies and parameters that the routes share: caller, live release, database and pagination."""

from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, StringConstraints

from services.addresses.domain.geography.postcode import Postcode
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.store import Store
from shared.auth import Caller, require
from shared.http import provided

Live = Annotated[LiveRelease, Depends(provided(LiveRelease))]
Db = Annotated[Store, Depends(provided(Store))]
Reader = Annotated[Caller, require("addresses:address:read")]

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
CursorParameter = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]
Id = Annotated[str, Path(min_length=1, max_length=64)]
UprnPath = Annotated[str, Path(pattern=r"^[0-9]{1,12}$", description="Leading zeros do not matter")]
Uprn = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")]


def _postcode(text: str) -> str:
    postcode = Postcode.parse(text)
    if postcode is None:
        raise ValueError("is not a whole postcode")
    return str(postcode)


Postal = Annotated[str, AfterValidator(_postcode)]
"""A whole postcode in any case, with or without its space; normalised to `NW1 1AA`."""
