"""Discovery: the provider's metadata and its public keys."""

from typing import Any

from fastapi.responses import JSONResponse

from services.identity.domain.scopes import PERSON_SCOPES
from services.identity.signing_keys import ALGORITHM, JWKS_MAX_AGE
from shared.clock import now
from shared.http import Router

from .client_authentication import ASSERTION_ALGORITHMS
from .dependencies import Op

router = Router(tags=["OpenID Connect"])

PUBLIC = {"Cache-Control": f"public, max-age={JWKS_MAX_AGE}", "Access-Control-Allow-Origin": "*"}


@router.get("/.well-known/openid-configuration")
@router.get("/.well-known/oauth-authorization-server")
async def configuration(op: Op) -> JSONResponse:
    """Return the provider metadata (OpenID Connect Discovery 1.0 section 3, RFC 8414)."""
    return JSONResponse(metadata(op.issuer), headers=PUBLIC)


@router.get("/.well-known/jwks.json")
async def jwks(op: Op) -> JSONResponse:
    """Return the public signing keys (RFC 7517)."""
    return JSONResponse(op.keys.published(), headers=PUBLIC)


@router.get("/.well-known/ended-sessions.json")
async def ended_sessions(op: Op) -> JSONResponse:
    """Return the sessions (`sid`) and tokens (`jti`) that ended in the last 15 minutes. Services reject access tokens that carry one."""
    return JSONResponse({"ended": list(await op.store.ended.all(now()))}, headers={**PUBLIC, "Cache-Control": "no-store"})


def metadata(issuer: str) -> dict[str, Any]:
    """Return the provider metadata. It states each default of the specification that this provider does not follow."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "end_session_endpoint": f"{issuer}/logout",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "scopes_supported": sorted(PERSON_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login"],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            *("iss", "sub", "aud", "exp", "iat", "auth_time", "amr", "nonce", "at_hash", "sid"),
            *("email", "email_verified", "name", "borough", "roles"),
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["en"],
    }
