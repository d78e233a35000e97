"""The text of an agreement, which its parties sign word for word.

Field names follow the ICO's data-sharing decision form; the lawful basis is a term of the W3C Data Privacy Vocabulary.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

import rfc8785
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from .boroughs import Borough

DPV_GDPR = "https://w3id.org/dpv/legal/eu/gdpr#"
"""Namespace of the DPV's EU-GDPR extension, whose Article 6 terms apply to the UK GDPR too."""

LAWFUL_BASES = {
    f"{DPV_GDPR}A6-1-a": "the citizen has consented",
    f"{DPV_GDPR}A6-1-b": "a contract with the citizen",
    f"{DPV_GDPR}A6-1-c": "a legal obligation",
    f"{DPV_GDPR}A6-1-d": "vital interests",
    f"{DPV_GDPR}A6-1-e": "a task in the public interest or official authority",
    f"{DPV_GDPR}A6-1-f": "legitimate interests",
}
"""The bases of UK GDPR Article 6(1) by DPV term, in plain words."""


def _full_iri(value: object) -> object:
    return f"{DPV_GDPR}{value}" if isinstance(value, str) and ":" not in value else value


def _known_basis(value: str) -> str:
    if value not in LAWFUL_BASES:
        raise ValueError("not an Article 6(1) basis of the Data Privacy Vocabulary: A6-1-a to A6-1-f, or the full IRI")
    return value


LawfulBasis = Annotated[str, Field(max_length=100), BeforeValidator(_full_iri), AfterValidator(_known_basis)]
"""DPV IRI of a basis in Article 6(1). The bare term (`A6-1-e`) is accepted and completed."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Item(StrEnum):
    """One kind of fact about a citizen that an agreement can permit."""

    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    EMAIL = "email"
    PHONE = "phone"
    DATE_OF_BIRTH = "date_of_birth"
    OLD_UPRN = "old_uprn"
    OLD_ADDRESS = "old_address"
    NEW_UPRN = "new_uprn"
    NEW_ADDRESS = "new_address"
    NEW_POSTCODE = "new_postcode"
    MOVED_ON = "moved_on"


class Role(StrEnum):
    """The role of a party under the UK GDPR (Articles 4(7), 4(8) and 26)."""

    SEPARATE_CONTROLLER = "separate_controller"
    JOINT_CONTROLLER = "joint_controller"
    PROCESSOR = "processor"


def _each_once(what: str, values: Sequence[object]) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"{what} is given twice")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Party(_Part):
    """A borough bound by the agreement."""

    borough: Borough
    role: Role = Role.SEPARATE_CONTROLLER


class Purpose(_Part):
    """A purpose for which a recipient may use data, and the law that permits it."""

    id: Slug
    aim: Paragraph
    lawful_basis: LawfulBasis
    legal_power: Paragraph
    """The power or statute, with its section."""


class Permission(_Part):
    """The items that one recipient may get for one purpose; it gets no others."""

    recipient: Borough
    purpose: Slug
    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=len(Item))]


class Text(_Part):
    """The whole text. Two texts that differ in anything have different hashes."""

    title: Line
    version: Annotated[int, Field(ge=1, le=10_000)] = 1
    """The text's own version. A new agreement replaces an earlier version by a later one."""
    parties: Annotated[tuple[Party, ...], Field(min_length=2, max_length=33)]
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1, max_length=50)]
    permissions: Annotated[tuple[Permission, ...], Field(min_length=1, max_length=1000)]
    review_on: date

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        boroughs = [party.borough for party in self.parties]
        purposes = [purpose.id for purpose in self.purposes]
        pairs = [(permission.recipient, permission.purpose) for permission in self.permissions]
        _each_once("parties: a borough", boroughs)
        _each_once("purposes: an id", purposes)
        _each_once("permissions: a recipient and purpose", pairs)
        for recipient, purpose in pairs:
            if recipient not in boroughs:
                raise ValueError(f"permissions: recipient {recipient} is not a party")
            if purpose not in purposes:
                raise ValueError(f"permissions: purpose {purpose} is not one of the purposes")
        return self

    @property
    def boroughs(self) -> tuple[str, ...]:
        """GSS codes of the parties, in the text's order."""
        return tuple(party.borough for party in self.parties)

    def purpose(self, id: str) -> Purpose | None:  # noqa: A002 (the field's own name)
        """Return the purpose with that id, or None."""
        return next((purpose for purpose in self.purposes if purpose.id == id), None)

    def items_for(self, recipient: str, purpose: str) -> frozenset[Item]:
        """Return the items that the recipient may get for that purpose; none if the text has no such permission."""
        return frozenset(
            item
            for permission in self.permissions
            if permission.recipient == recipient and permission.purpose == purpose
            for item in permission.items
        )

    def canonical(self, ref: str) -> bytes:
        """Return agreement `ref` in the JSON Canonicalization Scheme (RFC 8785): the bytes to hash and sign."""
        return rfc8785.dumps({"ref": ref, **self.model_dump(mode="json")})

    def sha256(self, ref: str) -> str:
        """Return the SHA-256 of the canonical text, hexadecimal."""
        return hashlib.sha256(self.canonical(ref)).hexdigest()
