"""A grant: what one person's sign-in gave one client, first as an authorization code, then as the tokens the code was exchanged for."""

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from .authorization import AuthorizationRequest
from .errors import OAuthError
from .scopes import Access
from .sessions import Session

CODE_LIFE = timedelta(seconds=60)
VERIFIER = re.compile(r"^[A-Za-z0-9._~-]{43,128}$")


class Grant(BaseModel):
    """The grant's code is single use; a second use ends the grant and with it the access token it gave (RFC 6749 section 4.1.2)."""

    model_config = ConfigDict(frozen=True)

    id: str
    code_digest: str
    client_id: str
    account: str
    session: Session
    request: AuthorizationRequest
    issued_at: datetime
    redeemed_at: datetime | None = None
    token_id: str | None = None
    """The `jti` of the access token that the code was exchanged for."""
    ended_at: datetime | None = None

    @property
    def access(self) -> Access:
        return self.request.access


def granted(grant_id: str, code_digest: str, request: AuthorizationRequest, session: Session, at: datetime) -> Grant:
    """Give the client what it asked for, on behalf of the person whose session this is."""
    return Grant(
        id=grant_id,
        code_digest=code_digest,
        client_id=request.client_id,
        account=session.account,
        session=session,
        request=request,
        issued_at=at,
    )


def check_redemption(grant: Grant, *, redirect_uri: str | None, verifier: str | None, resources: tuple[str, ...], at: datetime) -> None:
    """Check what the client sends with a code that is its own and unused. Raises invalid_grant, or invalid_target."""
    if at >= grant.issued_at + CODE_LIFE:
        raise OAuthError("invalid_grant", "The code has expired")
    if redirect_uri != grant.request.redirect_uri:
        raise OAuthError("invalid_grant", "redirect_uri is not the one of the authorization request")
    if not _proves(verifier, grant.request.code_challenge):
        raise OAuthError("invalid_grant", "code_verifier does not fit the code_challenge of the authorization request")
    if resources and resources != (grant.access.audience,):
        raise OAuthError("invalid_target", "The resource is not the one of the authorization request")


def _proves(verifier: str | None, challenge: str | None) -> bool:
    """RFC 7636 section 4.6. A verifier without a challenge is a downgrade attempt and fails as well (RFC 9700 section 2.1.1)."""
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    if not VERIFIER.match(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(digest, challenge)
