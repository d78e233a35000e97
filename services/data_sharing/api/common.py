"""What the routes share: who calls, the database, and how boroughs are shown."""

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
Sealed = Annotated[Notary, Depends(provided(Notary))]

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
    """The sector in which the caller's pseudonyms stand for people (OpenID Connect Core, section 8.1): its own, else its borough's."""
    return str(caller.claims.get("sector") or caller.own_borough)


class Organisation(BaseModel):
    """A borough, with the name that people know."""

    code: str
    """GSS code."""
    name: str

    @classmethod
    def of(cls, code: str) -> "Organisation":
        """The borough of that GSS code."""
        return cls(code=code, name=NAMES.get(code, code))
