"""The authorization request (OpenID Connect Core section 3.1.2)."""

import re
from datetime import datetime, timedelta
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from .clients import Client
from .errors import OAuthError, RedirectedError, UntrustedRequestError
from .parameters import Parameters
from .scopes import Access, for_person
from .sessions import Session

S256_CHALLENGE = re.compile(r"^[A-Za-z0-9_-]{43}$")
PRINTABLE = re.compile(r"^[\x20-\x7e]*$")
MAX_STATE = 2048
MAX_NONCE = 512
MAX_LOGIN_HINT = 320


class AuthorizationRequest(BaseModel):
    """A request that passed every check, before the person signs in."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    audience: str
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    sign_in_again: bool = False
    """prompt=login: the person must sign in again despite a session."""
    silent: bool = False
    """prompt=none: identity must not show a page."""
    max_age: int | None = None
    """The longest time, in seconds, since the person authenticated."""
    login_hint: str | None = None

    @property
    def access(self) -> Access:
        return Access(self.scope, self.audience)

    def is_met_by(self, session: Session | None, at: datetime) -> bool:
        """Return whether the session satisfies the request without a new sign-in."""
        if session is None or self.sign_in_again:
            return False
        return self.max_age is None or at - session.authenticated_at <= timedelta(seconds=self.max_age)

    def refused(self, error: OAuthError) -> RedirectedError:
        """Return the error as a redirect to this request's client."""
        return RedirectedError(self.redirect_uri, self.state, error)


def read_request(parameters: Parameters, client: Client | None) -> AuthorizationRequest:
    """Check a request against its client's registration.

    Raises UntrustedRequestError if the client is unknown or the redirect URI is not its own, so that no redirect is safe. Raises
    RedirectedError for every other fault.
    """
    redirect_uri = parameters.get("redirect_uri")
    if client is None or "authorization_code" not in client.grant_types:
        raise UntrustedRequestError("unknown client")
    if redirect_uri is None or redirect_uri not in client.redirect_uris:
        raise UntrustedRequestError("redirect URI not registered")
    state = parameters.get("state")
    if state is not None and (len(state) > MAX_STATE or not PRINTABLE.match(state)):
        state = None
    try:
        return _checked(parameters, client, redirect_uri, state)
    except OAuthError as error:
        raise RedirectedError(redirect_uri, state, error) from error


def response_uri(redirect_uri: str, issuer: str, state: str | None, **parameters: str) -> str:
    """Return the redirect URI with the response in its query: always `iss` (RFC 9207), and `state` unchanged."""
    query = {**parameters, "iss": issuer, **({"state": state} if state is not None else {})}
    return redirect_uri + ("&" if "?" in redirect_uri else "?") + urlencode(query)


def _checked(parameters: Parameters, client: Client, redirect_uri: str, state: str | None) -> AuthorizationRequest:
    parameters.require_single()
    if parameters.get("state") != state:
        raise OAuthError("invalid_request", f"state must be at most {MAX_STATE} printable ASCII characters")
    if parameters.get("request") is not None:
        raise OAuthError("request_not_supported", "Request objects are not supported")
    if parameters.get("request_uri") is not None:
        raise OAuthError("request_uri_not_supported", "Request URIs are not supported")
    if parameters.get("response_type") is None:
        raise OAuthError("invalid_request", "response_type is missing")
    if parameters.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "The only response type is code")
    if parameters.get("response_mode") not in {None, "query"}:
        raise OAuthError("invalid_request", "The only response mode is query")
    nonce = parameters.get("nonce")
    if nonce is not None and len(nonce) > MAX_NONCE:
        raise OAuthError("invalid_request", f"nonce is longer than {MAX_NONCE} characters")
    access = for_person(parameters.get("scope"), client.scopes, parameters.all("resource"))
    prompt = _prompt(parameters.get("prompt"))
    hint = parameters.get("login_hint")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        scope=access.scope,
        audience=access.audience,
        state=state,
        nonce=nonce,
        code_challenge=_challenge(parameters, client),
        sign_in_again="login" in prompt,
        silent="none" in prompt,
        max_age=_max_age(parameters.get("max_age")),
        login_hint=hint if hint and len(hint) <= MAX_LOGIN_HINT else None,
    )


def _challenge(parameters: Parameters, client: Client) -> str | None:
    """Return the PKCE challenge (RFC 7636). Refuses `plain`, which protects nothing here, as the default too."""
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if challenge is None:
        if client.needs_pkce or method is not None:
            raise OAuthError("invalid_request", "code_challenge is missing")
        return None
    if method != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if not S256_CHALLENGE.match(challenge):
        raise OAuthError("invalid_request", "code_challenge must be the 43 characters of a base64url SHA-256 digest")
    return challenge


def _prompt(value: str | None) -> frozenset[str]:
    prompt = frozenset((value or "").split())
    if not prompt <= {"none", "login"}:
        raise OAuthError("invalid_request", "prompt must be none or login")
    if len(prompt) > 1:
        raise OAuthError("invalid_request", "prompt=none cannot be combined with another value")
    return prompt


def _max_age(value: str | None) -> int | None:
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise OAuthError("invalid_request", "max_age must be a whole number of seconds")
    return int(value)
