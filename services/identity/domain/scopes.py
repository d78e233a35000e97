"""Scopes and audiences: one access token is for one block."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import OAuthError

PERSON_SCOPES = frozenset({"openid", "email", "profile", "staff"})
"""Scopes about the person who signs in. Identity itself gives their claims."""

BLOCK_SCOPE = re.compile(r"^([a-z][a-z0-9_]{0,40}):[a-z][a-z0-9_]{0,40}:[a-z][a-z0-9_]{0,40}$")

AUDIENCE_PREFIX = "urn:london-blocks:"
IDENTITY = AUDIENCE_PREFIX + "identity"
"""The audience of a token that gives access to userinfo alone."""


@dataclass(frozen=True)
class Access:
    """An access token's rights: `scope` at one `audience`."""

    scope: tuple[str, ...]
    audience: str

    @property
    def opens_userinfo(self) -> bool:
        return self.audience == IDENTITY


def is_scope(scope: str) -> bool:
    return scope in PERSON_SCOPES or BLOCK_SCOPE.match(scope) is not None


def audience_of(scope: str) -> str:
    """Return the audience of a scope; identity is the audience of a person's scopes."""
    block = BLOCK_SCOPE.match(scope)
    return AUDIENCE_PREFIX + block[1] if block else IDENTITY


def for_machine(requested: str | None, allowed: frozenset[str], resources: tuple[str, ...]) -> Access:
    """Return a client's access for itself (RFC 6749 section 4.4).

    Without `requested` it is all that the client may have; this must belong to one block, or `resources` must narrow it. Raises
    invalid_scope or invalid_target.
    """
    allowed = allowed - PERSON_SCOPES
    scopes = _asked(requested, allowed) if requested else tuple(sorted(allowed))
    return _one_block(scopes, resources)


def for_person(requested: str | None, allowed: frozenset[str], resources: tuple[str, ...]) -> Access:
    """Return a client's access on behalf of the person who signs in; `openid` is required (OpenID Connect Core 3.1.2.1).

    With a block's scopes beside `openid`, the token is for that block. Raises invalid_scope or invalid_target.
    """
    scopes = _asked(requested or "", allowed)
    if "openid" not in scopes:
        raise OAuthError("invalid_scope", "The scope must include openid")
    person = tuple(scope for scope in scopes if scope in PERSON_SCOPES)
    block = tuple(scope for scope in scopes if scope not in PERSON_SCOPES)
    if not block or resources == (IDENTITY,):
        return _one_block(person, resources)
    access = _one_block(block, resources)
    return Access((*person, *access.scope), access.audience)


def _asked(requested: str, allowed: frozenset[str]) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(requested.split(" ")))
    if not set(scopes) <= allowed:
        raise OAuthError("invalid_scope", "The scope is unknown, malformed or not registered for this client")
    return scopes


def _one_block(scopes: Iterable[str], resources: tuple[str, ...]) -> Access:
    if len(resources) > 1:
        raise OAuthError("invalid_target", "An access token is for one resource")
    by_audience: dict[str, tuple[str, ...]] = {}
    for scope in scopes:
        audience = audience_of(scope)
        by_audience[audience] = (*by_audience.get(audience, ()), scope)
    if resources:
        if resources[0] not in by_audience:
            raise OAuthError("invalid_target", "The resource is unknown or none of the scopes are for it")
        return Access(by_audience[resources[0]], resources[0])
    if len(by_audience) != 1:
        raise OAuthError("invalid_scope", "Ask for scopes of exactly one block, or name it with the resource parameter")
    [(audience, kept)] = by_audience.items()
    return Access(kept, audience)
