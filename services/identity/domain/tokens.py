"""The claims of tokens, before a key signs them."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .accounts import Person
from .clients import Client
from .grants import Grant
from .scopes import Access

Claims = dict[str, Any]
PERSON_TOKEN_LIFE = timedelta(minutes=3)
"""As at GOV.UK One Login. An app gets a new token without a page as long as the person is signed in."""
LOGOUT_TOKEN_LIFE = timedelta(minutes=2)
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True)
class Issue:
    """The issuer, subject, client and time of a token."""

    issuer: str
    subject: str
    client: Client
    at: datetime

    def claims(self, life: timedelta) -> Claims:
        """Return the claims of every token (RFC 7519 section 4.1)."""
        issued = int(self.at.timestamp())
        return {"iss": self.issuer, "sub": self.subject, "iat": issued, "exp": issued + int(life.total_seconds())}


def access_token_claims(issue: Issue, access: Access, token_id: str, session: str | None = None) -> Claims:
    """Return the claims of an access token (RFC 9068 section 2.2), with the client's borough and sector.

    A person's token names its `session`, ends with it, and lives for three minutes at most.
    """
    client = issue.client
    life = client.policy.access_token_life if session is None else min(client.policy.access_token_life, PERSON_TOKEN_LIFE)
    return {
        **issue.claims(life),
        **({"sid": session} if session is not None else {}),
        "client_id": client.client_id,
        "aud": access.audience,
        "scope": " ".join(access.scope),
        "borough": client.borough,
        "sector": client.sector,
        "jti": token_id,
    }


def logout_token_claims(issue: Issue, session: str, token_id: str) -> Claims:
    """Return the claims of a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4); it never has a nonce."""
    return {
        **issue.claims(LOGOUT_TOKEN_LIFE),
        "aud": issue.client.client_id,
        "jti": token_id,
        "sid": session,
        "events": {LOGOUT_EVENT: {}},
    }


def id_token_claims(issue: Issue, grant: Grant, person: Person, access_token: str) -> Claims:
    """Return the claims of an ID token (OpenID Connect Core sections 2 and 3.1.3.6).

    If the access token is for another block, it does not open userinfo. Then the ID token has the claims that the scopes request, as
    section 5.4 requires of a flow without such an access token.
    """
    claims: Claims = {
        **issue.claims(issue.client.policy.id_token_life),
        "aud": issue.client.client_id,
        "auth_time": int(grant.session.authenticated_at.timestamp()),
        "amr": list(grant.session.methods),
        "sid": grant.session.id,
        "at_hash": half_hash(access_token),
    }
    if grant.request.nonce is not None:
        claims["nonce"] = grant.request.nonce
    if not grant.access.opens_userinfo:
        claims |= person_claims(person, grant.access.scope)
    return claims


def person_claims(person: Person, scope: tuple[str, ...]) -> Claims:
    """Return the claims about a person that the scopes request, without those that have no value (OpenID Connect Core section 5.4)."""
    claims: Claims = {}
    if "email" in scope:
        claims |= {"email": person.email, "email_verified": True}
    if "profile" in scope and person.name:
        claims["name"] = person.name
    if "staff" in scope and person.kind == "staff":
        claims |= {"borough": person.borough, "roles": sorted(person.roles)}
    return claims


def half_hash(token: str) -> str:
    """Return `at_hash` for an ID token signed with ES256: the left half of the SHA-256 digest, base64url (OpenID Connect Core section
    3.1.3.6).
    """
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode("ascii")).digest()[:16]).rstrip(b"=").decode()
