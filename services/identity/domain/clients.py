"""A borough's registered application (an OAuth client), and its policy."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .scopes import is_scope

GrantType = Literal["authorization_code", "client_credentials"]

HOST = re.compile(r"^([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$")

RESERVED = frozenset(
    {"access_token", "code", "error", "error_description", "error_uri", "expires_in", "id_token", "iss", "response", "state", "token_type"}
)
"""Parameters of an answer (RFC 6749 section 4.1.2, RFC 9207). A redirect URI that has one could pass for an answer."""

AuthenticationMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]


class Profile(StrEnum):
    """The set of rules for a client. The sets conflict, so each client has one."""

    BASIC = "basic"
    """OpenID Connect Basic OP, for any stock library."""
    STRICT = "strict"
    """After FAPI 2.0: PKCE always, no secret in an Authorization header, a client assertion's audience is the issuer alone."""


@dataclass(frozen=True)
class Policy:
    """The rules of a profile."""

    pkce_required: bool
    secret_in_header: bool
    token_url_as_assertion_audience: bool
    access_token_life: timedelta = timedelta(minutes=10)
    id_token_life: timedelta = timedelta(minutes=5)


POLICIES = {
    Profile.BASIC: Policy(pkce_required=False, secret_in_header=True, token_url_as_assertion_audience=True),
    Profile.STRICT: Policy(pkce_required=True, secret_in_header=False, token_url_as_assertion_audience=False),
}


class Client(BaseModel):
    """A registered client.

    It authenticates by a secret, whose digest identity stores, or by a private key, whose public half is in `jwks`. A client with neither
    is public, and proves itself by PKCE alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(pattern=r"^[A-Za-z0-9._-]{3,100}$")
    name: str = Field(min_length=1, max_length=100)
    """The sign-in page shows it to the citizen."""
    client_uri: str | None = None
    """The application's start page, to which error pages link (OpenID Connect Dynamic Client Registration, section 2)."""
    borough: str = Field(pattern=r"^E09\d{6}$")
    """GSS code of the borough that registered the client and is responsible for it."""
    sector: str = Field(min_length=1, max_length=253)
    """Clients of one sector see the same subject for a person (OpenID Connect Core section 8.1)."""
    profile: Profile = Profile.BASIC
    secret_digest: str | None = None
    jwks: dict[str, Any] | None = None
    grant_types: frozenset[GrantType] = Field(min_length=1)
    scopes: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    """The URL that receives logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.2)."""

    @property
    def policy(self) -> Policy:
        return POLICIES[self.profile]

    @property
    def is_public(self) -> bool:
        return self.secret_digest is None and self.jwks is None

    @property
    def needs_pkce(self) -> bool:
        """Every profile requires PKCE of a public client, which has no other proof."""
        return self.is_public or self.policy.pkce_required

    def accepts(self, method: AuthenticationMethod) -> bool:
        """Return whether the client may authenticate by this method. A client with a credential must use it."""
        match method:
            case "client_secret_basic":
                return self.secret_digest is not None and self.policy.secret_in_header
            case "client_secret_post":
                return self.secret_digest is not None
            case "private_key_jwt":
                return self.jwks is not None
            case "none":
                return self.is_public

    @field_validator("scopes")
    @classmethod
    def _scopes_are_known_forms(cls, scopes: frozenset[str]) -> frozenset[str]:
        for scope in scopes:
            if not is_scope(scope):
                raise ValueError(f"{scope!r} is neither a scope of OpenID Connect here nor <block>:<resource>:<verb>")
        return scopes

    @field_validator("redirect_uris", "post_logout_redirect_uris")
    @classmethod
    def _uris_are_safe(cls, uris: tuple[str, ...]) -> tuple[str, ...]:
        for uri in uris:
            _check_redirect_uri(uri)
        return uris

    @field_validator("backchannel_logout_uri")
    @classmethod
    def _is_an_address(cls, uri: str | None) -> str | None:
        if uri is not None:
            _check_characters(uri)
            if urlsplit(uri).scheme not in {"https", "http"}:
                raise ValueError(f"{uri!r} must be https or http")
        return uri

    @field_validator("client_uri")
    @classmethod
    def _start_page_is_safe(cls, uri: str | None) -> str | None:
        if uri is not None:
            _check_redirect_uri(uri)
        return uri

    @model_validator(mode="after")
    def _grants_fit(self) -> "Client":
        if "client_credentials" in self.grant_types and self.is_public:
            raise ValueError("a client without a credential cannot use client_credentials (RFC 6749 section 4.4)")
        if "authorization_code" in self.grant_types and not self.redirect_uris:
            raise ValueError("a client of the authorization code flow needs a redirect URI")
        if self.is_public and (self.backchannel_logout_uri or "").startswith("http:"):
            raise ValueError("a client without a credential gets logout tokens by https only (Back-Channel Logout 1.0 section 2.2)")
        return self


def _check_redirect_uri(uri: str) -> None:
    """Refuse a fragment (RFC 6749 section 3.1.2), user information, odd hosts, and plain http beyond this machine (RFC 8252).

    Refuse parameters of an answer too (RFC 9700 section 4.1.3, RFC 9207 section 2.4): the client might read them in place of the true ones.
    """
    _check_characters(uri)
    parts = urlsplit(uri)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}):
        raise ValueError(f"{uri!r} must be https (or http on the loopback address)")
    for separator in "&;":
        for name, _ in parse_qsl(parts.query, keep_blank_values=True, separator=separator):
            if name.strip().lower() in RESERVED:
                raise ValueError(f"{uri!r} has the parameter {name!r}, which only an answer may have")


def _check_characters(uri: str) -> None:
    if not uri.isascii() or any(c in uri for c in "#*\\ \t\r\n"):
        raise ValueError(f"{uri!r} holds a character that it must not hold")
    parts = urlsplit(uri)
    if not HOST.match(parts.netloc) or parts.port == 0:  # `port` raises ValueError above 65535
        raise ValueError(f"{uri!r} needs a host, perhaps a port, and no user information")
