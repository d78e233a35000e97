"""An issuer of access tokens for tests; services read its public key from a file."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from shared import clock

ISSUER = "http://issuer.test"


class Tokens:
    """Signs access tokens that services under test accept."""

    def __init__(self, directory: Path) -> None:
        self.key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        file = directory / "jwks.json"
        file.write_text(json.dumps(KeySet([self.key]).as_dict(private=False)))
        self.jwks_url = file.as_uri()

    def token(
        self,
        scope: str = "",
        *,
        borough: str | None = "E09000012",
        subject: str | None = None,
        client_id: str = "test",
        audience: str | None = None,
        life: int = 600,
        **claims: Any,
    ) -> str:
        """Return an access token (`at+jwt`, RFC 9068). The default audience is the block of the first scope."""
        now = int(clock.now().timestamp())
        payload: dict[str, Any] = {
            "iss": ISSUER,
            "sub": subject or client_id,
            "client_id": client_id,
            "aud": audience or f"urn:london-blocks:{scope.split(':', maxsplit=1)[0] or 'test'}",
            "scope": scope,
            "iat": now,
            "exp": now + life,
            "jti": str(uuid4()),
            **claims,
        }
        if borough is not None:
            payload["borough"] = borough
        return jwt.encode({"alg": "ES256", "kid": self.key.kid, "typ": "at+jwt"}, payload, self.key)

    def bearer(self, scope: str = "", **claims: Any) -> dict[str, str]:
        """Return the `Authorization` header with such a token."""
        return {"Authorization": f"Bearer {self.token(scope, **claims)}"}
