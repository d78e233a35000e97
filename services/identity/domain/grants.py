"""A grant: the access that a person's sign-in gives a client, as an authorization code and then as tokens."""

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
    """One grant. Its code is single use: a second use ends the grant and its access token (RFC 6749 section 4.1.2)."""

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
    """The `jti` of the access token issued for the code."""
    ended_at: datetime | None = None

    @property
    def access(self) -> Access:
        return self.request.access


def granted(grant_id: str, code_digest: str, request: AuthorizationRequest, session: Session, at: datetime) -> Grant:
    """Make the grant for the client's request, on behalf of the session's person."""
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
    """Check the client's exchange of its own, unused code. Raises invalid_grant or invalid_target."""
    if at >= grant.issued_at + CODE_LIFE:
        raise OAuthError("invalid_grant", "The code has expired")
    if redirect_uri != grant.request.redirect_uri:
        raise OAuthError("invalid_grant", "redirect_uri is not the one of the authorization request")
    if not _proves(verifier, grant.request.code_challenge):
        raise OAuthError("invalid_grant", "code_verifier does not fit the code_challenge of the authorization request")
    if resources and resources != (grant.access.audience,):
        raise OAuthError("invalid_target", "The resource is not the one of the authorization request")


def _proves(verifier: str | None, challenge: str | None) -> bool:
    """Return whether the verifier matches the challenge (RFC 7636 section 4.6). A verifier without a challenge fails as a downgrade attempt
    (RFC 9700 section 2.1.1).
    """
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    if not VERIFIER.match(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(digest, challenge)
