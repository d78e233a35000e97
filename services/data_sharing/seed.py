"""First data: agreements in force from a file. Loading it again changes nothing."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.clock import now
from shared.mongo import Conflict, Duplicate
from shared.service import StartError

from .agreement_steps import save_step
from .domain import agreement as steps
from .domain.agreement import Signature
from .domain.boroughs import Borough
from .domain.text import Line, Slug, Text
from .store import Store, Tx

SYSTEM = "seed"


class SeedSignature(BaseModel):
    """The officer who signed for one party."""

    model_config = ConfigDict(extra="forbid")

    borough: Borough
    person: Line
    position: Line


class SeedAgreement(BaseModel):
    """An agreement and its signatures. It is active if every party signed."""

    model_config = ConfigDict(extra="forbid")

    ref: Slug
    text: Text
    signatures: tuple[SeedSignature, ...] = Field(max_length=33)


class Seed(BaseModel):
    """The seed file."""

    model_config = ConfigDict(extra="forbid")

    agreements: tuple[SeedAgreement, ...] = ()


def loader(store: Store) -> Callable[[Path], Awaitable[None]]:
    """Return the function that loads a seed file into this service's database."""

    async def load(path: Path) -> None:
        try:
            seed = Seed.model_validate_json(await asyncio.to_thread(path.read_bytes))
        except OSError as error:
            raise StartError(f"data_sharing: the seed file {path.name} cannot be read: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise StartError(f"data_sharing: {path.name}: {where}: {first['msg']}") from None
        for wanted in seed.agreements:
            with contextlib.suppress(Duplicate, Conflict):  # another replica loads it at this moment
                async with store.transaction() as tx:
                    if not await tx.agreements.exists(wanted.ref):
                        await _bring_into_force(tx, wanted)

    return load


async def _bring_into_force(tx: Tx, wanted: SeedAgreement) -> None:
    """Take the steps of any agreement: draft, submit, one signature each."""
    at = now()
    author = wanted.text.boroughs[0]
    drafted = steps.draft(wanted.ref, wanted.text, by=author, at=at)
    await save_step(tx, drafted, before=None, by=author, at=at)
    submitted = steps.submit(drafted.agreement, at=at)
    await save_step(tx, submitted, before=drafted.agreement, by=author, at=at)
    current = submitted.agreement
    for signature in wanted.signatures:
        signed = steps.sign(current, Signature(**signature.model_dump(), text_sha256=current.text_sha256, client_id=SYSTEM, signed_at=at))
        await save_step(tx, signed, before=current, by=signature.borough, at=at)
        current = signed.agreement
