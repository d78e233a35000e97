"""The errors of OAuth 2.0 and OpenID Connect. The API turns them into JSON, a redirect or a page."""

from typing import Literal

ErrorCode = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "insufficient_scope",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "login_required",
    "request_not_supported",
    "request_uri_not_supported",
]


class OAuthError(Exception):
    """A registered error code (RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6, RFC 8707).

    `description` is for the client's developer. It never repeats the request, so it contains only characters that RFC 6749 allows.
    """

    def __init__(self, code: ErrorCode, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code: ErrorCode = code
        self.description = description


class UntrustedRequestError(Exception):
    """An authorization request whose client or redirect URI is unknown. Identity shows a page and never redirects (RFC 6749 section
    4.1.2.1).
    """


class RedirectedError(Exception):
    """An authorization request refused by a redirect to the client's registered URI."""

    def __init__(self, redirect_uri: str, state: str | None, error: OAuthError) -> None:
        super().__init__(str(error))
        self.redirect_uri = redirect_uri
        self.state = state
        self.error = error
