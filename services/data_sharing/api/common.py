"""Common parts of the routes: callers, the database, and the view of a borough."""

from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import BaseModel

from services.data_sharing.domain.boroughs import NAMES
from services.data_sharing.notary import Notary
from services.data_sharing.store import Store
from services.data_sharing.vault import Vault
from shared.auth import Caller, require
from shared.http import provided

Db = Annotated[Store, Depends(provided(Store))]
Secrets = Annotated[Vault, Depends(provided(Vault))]
RecordNotary = Annotated[Notary, Depends(provided(Notary))]

Reader = Annotated[Caller, require("data_sharing:agreement:read")]
Drafter = Annotated[Caller, require("data_sharing:agreement:write")]
Signatory = Annotated[Caller, require("data_sharing:agreement:sign")]
Sharer = Annotated[Caller, require("data_sharing:share:create")]
Recipient = Annotated[Caller, require("data_sharing:inbox:read")]
Citizen = Annotated[Caller, require("data_sharing:record:read")]

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
CursorParameter = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]
Id = Annotated[str, Path(min_length=1, max_length=64)]


def sector_of(caller: Caller) -> str:
    """Return the sector of the caller's pseudonyms (OpenID Connect Core, section 8.1): its token's, or its borough's without one."""
    return str(caller.claims.get("sector") or caller.own_borough)


class Organisation(BaseModel):
    """A borough and its name."""

    code: str
    """GSS code."""
    name: str

    @classmethod
    def of(cls, code: str) -> "Organisation":
        """Return the view of the borough with that GSS code."""
        return cls(code=code, name=NAMES.get(code, code))
