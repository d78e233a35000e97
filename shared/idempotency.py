"""`Idempotency-Key`: a request takes effect once, and a repeat gets the first reply.

Follows the IETF draft 'The Idempotency-Key HTTP Header Field': the same key with the same body gets the stored reply, with another body
422, and 409 while the first request is under way. One transaction commits effect and reply, so neither exists without the other.

Repeats are rare, so `run_once` looks nothing up beforehand. It runs the function. A repeat then fails in one of two ways: its reply
cannot be stored a second time, or the function fails on the first one's effect. `run_once` undoes the transaction and gives the
stored reply. It looks up only what opened a transaction, so always after authentication.

A reply may contain what a person typed. `run_once` encrypts its body (`shared.crypto`) with a key derived from the caller and the
Idempotency-Key, and stores neither. Only a repeat can decrypt the body, if nobody can guess the key; a UUID is such a key. The same
secret keys the digest of the request.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from shared import clock
from shared.crypto import Keyring, digest
from shared.http.errors import Problem
from shared.mongo import Conflict, Document, Scope, Unavailable, UnitOfWork, unit_of_work

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255
_under_way: set[str] = set()


async def run_once(request: Request, run: Callable[[], Awaitable[Response]]) -> Response:
    """Run a function so that the request takes effect at most once for its key and caller. `run` must be safe to run again.

    The caller is `request.state.principal`, which the authenticating dependency sets, or else the session cookie. Raises a problem with
    status 400, 409 or 422, and whatever `run` raises.
    """
    key = _key(request)
    content = hashlib.sha256(request.url.query.encode() + b"\0" + await request.body()).hexdigest()
    id_ = ""
    store: Scope | None = None

    def begun(where: Scope) -> None:
        nonlocal id_, store
        if id_:  # the function opens a second transaction, which joins the first
            return
        candidate = _digest(request, key)
        if candidate in _under_way:
            raise Problem(
                409,
                "The first request with this Idempotency-Key is still under way.",
                type="idempotency-in-flight",
                headers={"Retry-After": "1"},
            )
        id_, store = candidate, where
        _under_way.add(id_)

    unit = UnitOfWork(begun)
    token = unit_of_work.set(unit)
    try:
        response = await run()
        if unit.transaction is None:  # the function opened no transaction, so a repeat does no harm
            return response
        if response.status_code < 400:
            unit.transaction.insert_last("idempotency", _row(id_, content, response, _Secret.of(request, key)))
            await unit.commit()
            return response
    except (Conflict, Unavailable):
        raise
    except Exception:
        await unit.abort()
        if store is not None and (stored := await _look_up(store, id_, content, _Secret.of(request, key))):
            return stored
        raise
    else:
        await unit.abort()
        stored = await _look_up(store, id_, content, _Secret.of(request, key)) if store is not None else None
        return stored or response
    finally:
        await unit.abort()
        unit_of_work.reset(token)
        _under_way.discard(id_)


async def _look_up(store: Scope, id_: str, content: str, secret: "_Secret") -> Response | None:
    row = await store.collection("idempotency").find_one({"_id": id_})
    if row is None:
        return None
    if row["fingerprint"] not in {secret.fingerprint(content), content}:  # an earlier version stored the latter
        raise Problem(
            422, "This Idempotency-Key was used with another request.", type="idempotency-key-reused", field="header.idempotency-key"
        )
    return _stored(row, secret.keyring)


def _key(request: Request) -> str:
    key = request.headers[HEADER]
    if not 1 <= len(key) <= MAX_KEY:
        raise Problem(400, f"Idempotency-Key must have 1 to {MAX_KEY} characters.", type="invalid-input", field="header.idempotency-key")
    return key


def _row(id_: str, content: str, response: Response, secret: "_Secret") -> Document:
    return {
        "_id": id_,
        "fingerprint": secret.fingerprint(content),
        "status": response.status_code,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.raw_headers],
        "sealed": secret.keyring.seal(bytes(response.body)),
        "at": clock.now(),
    }


def _stored(row: Document, keyring: Keyring) -> Response:
    body = row["body"] if "body" in row else keyring.open(row["sealed"])  # an earlier version stored `body`
    response = Response(bytes(body), row["status"])
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in row["headers"]]
    response.headers[REPLAYED] = "true"
    return response


def _digest(request: Request, key: str) -> str:
    return hashlib.sha256(f"{_caller(request)}\0{request.method}\0{request.url.path}\0{key}".encode()).hexdigest()


@dataclass(frozen=True)
class _Secret:
    """A secret that only the same caller with the same key can derive: it encrypts the reply and keys the digest of the request.

    A reader of the database could find a short request behind a plain digest by trying each phone number.
    """

    key: bytes

    @classmethod
    def of(cls, request: Request, key: str) -> "_Secret":
        return cls(hashlib.sha256(f"reply\0{_caller(request)}\0{key}".encode()).digest())

    @property
    def keyring(self) -> Keyring:
        return Keyring(SecretStr(base64.urlsafe_b64encode(self.key).decode()))

    def fingerprint(self, content: str) -> str:
        """Return the keyed digest (HMAC-SHA256) of a request from its plain digest."""
        return digest(self.key, b"request\0" + content.encode())


def _caller(request: Request) -> str:
    principal: str | None = getattr(request.state, "principal", None)
    return principal or request.headers.get("cookie", "")
