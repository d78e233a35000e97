"""Pairwise subjects: a person has another `sub` in every sector, so that boroughs cannot join their records by it."""

import base64
import hashlib
import hmac
from urllib.parse import urlsplit


def pairwise_subject(key: bytes, issuer: str, sector: str, account: str) -> str:
    """Return the person's subject in a sector (OpenID Connect Core section 8.1): `urn:fdc:<host>:2026:<43 characters>`, as at GOV.UK One
    Login.

    The form is the same under every profile, so a client that changes its profile keeps its subjects. Nobody can compute or reverse it
    without `key`, which must therefore never change.
    """
    digest = hmac.new(key, f"{sector}\0{account}".encode(), hashlib.sha256).digest()
    return f"urn:fdc:{urlsplit(issuer).hostname}:2026:{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
