"""The record: a citizen's own lines, their proofs, and the signed tree heads that anyone may verify."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel

from services.data_sharing.domain.boroughs import NAMES
from services.data_sharing.domain.merkle import consistency_path, inclusion_path
from services.data_sharing.domain.record import Entry
from services.data_sharing.domain.text import LAWFUL_BASES
from services.data_sharing.notary import claims
from shared.http import Page, Problem, Router, position

from .common import Citizen, CursorParameter, Db, Id, Limit, RecordNotary, sector_of

router = Router(tags=["record"])

MAX_SIZE = 2**53
Size = Annotated[int, Query(ge=1, lt=MAX_SIZE)]


class RecordLine(BaseModel):
    """Who did what with which of your data, when, and by which law."""

    id: str
    at: datetime
    action: str
    """`shared`, `read` or `refused`."""
    by: str
    """GSS code of the borough that sent it, read it, or asked in vain."""
    by_name: str
    sender: str | None
    """GSS code of the borough that sent it or asked to; null in lines older than this field."""
    sender_name: str | None
    recipient: str | None
    """GSS code of the borough that got it, or would have."""
    recipient_name: str | None
    items: list[str]
    """Names of the items shared or read; empty for a refusal."""
    agreement: str
    """Empty, like its title, if no agreement binds the boroughs."""
    agreement_title: str
    purpose: str | None
    aim: str | None
    lawful_basis: str | None
    """DPV IRI."""
    lawful_basis_means: str | None
    legal_power: str | None
    reason: str | None
    """The reason of a refusal."""

    @classmethod
    def of(cls, entry: Entry) -> "RecordLine":
        """Return the view of an entry."""
        ground = entry.ground
        return cls(
            id=entry.id,
            at=entry.at,
            action=entry.action.value,
            by=entry.by,
            by_name=NAMES.get(entry.by, entry.by),
            sender=entry.sender,
            sender_name=NAMES.get(entry.sender) if entry.sender else None,
            recipient=entry.recipient,
            recipient_name=NAMES.get(entry.recipient) if entry.recipient else None,
            items=list(entry.items),
            agreement=entry.agreement,
            agreement_title=entry.agreement_title,
            purpose=ground.purpose if ground else None,
            aim=ground.aim if ground else None,
            lawful_basis=ground.lawful_basis if ground else None,
            lawful_basis_means=LAWFUL_BASES.get(ground.lawful_basis or "") if ground else None,
            legal_power=ground.legal_power if ground else None,
            reason=entry.detail,
        )


class TreeHead(BaseModel):
    """The record's state at one moment. The `signature` proves that the service stated it."""

    size: int
    """Number of entries."""
    root: str
    """Root hash over them (RFC 6962, section 2.1), hexadecimal."""
    at: datetime
    signature: str
    """Compact JWS (RFC 7515), ES256 by a key of `GET /v1/record/keys`, over `{log, size, root, at}`."""

    @classmethod
    def of(cls, signed: str) -> "TreeHead":
        """Parse a signed head."""
        said = claims(signed)
        return cls(size=said["size"], root=said["root"], at=said["at"], signature=signed)


class InclusionProof(BaseModel):
    """Proves that the record contains one entry, unchanged (RFC 6962, section 2.1.1)."""

    entry: str
    """The entry's exact text, canonical JSON (RFC 8785); its leaf hash is SHA-256(0x00 || text)."""
    leaf_index: int
    """Counted from 0."""
    path: list[str]
    """Hashes from the leaf up, hexadecimal."""
    tree_head: TreeHead


class ConsistencyProof(BaseModel):
    """Proves that the record only grew (RFC 6962, section 2.1.2)."""

    first: int
    second: int
    path: list[str]


@router.get("/v1/record")
async def list_record(caller: Citizen, store: Db, cursor: CursorParameter = None, limit: Limit = 50) -> Page[RecordLine]:
    """List who saw which of your data, when, under which agreement, purpose and lawful basis; newest first."""
    found = await store.record.of_subject(caller.subject, sector=sector_of(caller), before=position(cursor), limit=limit + 1)
    return Page[RecordLine].of(found, limit, shown=RecordLine.of, id_of=lambda entry: entry.id)


@router.get("/v1/record/{id}/proof")
async def prove_entry(id: Id, caller: Citizen, store: Db) -> InclusionProof:  # noqa: A002
    """Return the proof that the tree contains a line of your record, unchanged. An entry gets its place in the tree within a second."""
    found = await store.record.get(id, subject=caller.subject, sector=sector_of(caller))
    if found is None:
        raise Problem(404, "There is no such line in your record", type="not-found")
    entry, leaf = found
    if leaf is None:
        raise Problem(
            409, "This line has no place in the tree yet. Ask again in a second.", type="not-sealed-yet", headers={"Retry-After": "1"}
        )
    tree = await store.record.tree()
    path = await store.record.hashes(inclusion_path(leaf, tree.size))
    return InclusionProof(
        entry=entry.canonical().decode(), leaf_index=leaf, path=[value.hex() for value in path], tree_head=TreeHead.of(tree.head)
    )


@router.get("/v1/record/heads")
async def latest_head(store: Db) -> TreeHead:
    """Return the newest signed tree head. It is public and contains nothing about anyone. Whoever keeps it can verify later that the record
    only grew.
    """
    tree = await store.record.tree()
    if not tree.head:
        raise Problem(404, "The record is empty", type="not-found")
    return TreeHead.of(tree.head)


@router.get("/v1/record/heads/{size}")
async def head_of(size: Annotated[int, Path(ge=1, lt=MAX_SIZE)], store: Db) -> TreeHead:
    """Return the signed head of the tree of that size, if the service signed one."""
    signed = await store.record.head(size)
    if signed is None:
        raise Problem(404, "No head was signed at this size", type="not-found")
    return TreeHead.of(signed)


@router.get("/v1/record/consistency")
async def prove_consistency(first: Size, second: Size, store: Db) -> ConsistencyProof:
    """Return the proof that the tree of `second` entries begins with the tree of `first`."""
    tree = await store.record.tree()
    if second > tree.size:
        raise Problem(400, f"The record has {tree.size} entries", type="invalid-input", field="query.second")
    if first > second:
        raise Problem(400, "first must not be greater than second", type="invalid-input", field="query.first")
    path = await store.record.hashes(consistency_path(first, second))
    return ConsistencyProof(first=first, second=second, path=[value.hex() for value in path])


@router.get("/v1/record/keys")
async def record_keys(notary: RecordNotary) -> dict[str, Any]:
    """Return the public keys of the record's heads, as a JWK set (RFC 7517)."""
    return notary.published()
