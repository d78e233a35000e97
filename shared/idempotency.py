"""`Idempotency-Key`: a request takes effect once, and a repeat gets the first one's reply.

Semantics of the IETF draft 'The Idempotency-Key HTTP Header Field': the same key with the same body gives the stored reply, with
another body 422, and 409 while the first is under way. The stored reply is part of the transaction that makes the effect, so there
is no moment in which one exists without the other.

A repeat is rare, so nothing is looked up beforehand: the function runs, and a repeat shows itself when its reply cannot be stored a
second time, or when the function fails on what the first one did. Its transaction is then undone and the stored reply is given. Only
what opened a transaction is looked up, so always after the caller was authenticated.

A reply may say again what a person typed. Its body is stored sealed (Fernet) under a key made of the caller and the Idempotency-Key, of
which neither is stored: with a key that cannot be guessed, such as a UUID, only a repeat opens it. It keys the digest of the request too.
"""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cryptography.fernet import Fernet
from starlette.requests import Request
from starlette.responses import Response

from shared import clock
from shared.http.errors import Problem
from shared.mongo import Conflict, Document, Scope, Unavailable, UnitOfWork, unit_of_work

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255
_under_way: set[str] = set()


async def run_once(request: Request, run: Callable[[], Awaitable[Response]]) -> Response:
    """Let a request take effect at most once for its key and caller. `run` must be safe to start again, after a `Conflict` or as a repeat.

    The caller is `request.state.principal`, set by whatever authenticates the request; without one it is the session cookie.
    """
    key = _key(request)
    content = hashlib.sha256(request.url.query.encode() + b"\0" + await request.body()).hexdigest()
    id_ = ""
    store: Scope | None = None

    def begun(where: Scope) -> None:
        nonlocal id_, store
        if id_:  # a second block of the same function
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
        if unit.transaction is None:  # nothing was changed, so there is nothing to protect from a repeat
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
    if row["fingerprint"] not in {secret.fingerprint(content), content}:  # the latter was kept by a version before it was keyed
        raise Problem(
            422, "This Idempotency-Key was used with another request.", type="idempotency-key-reused", field="header.idempotency-key"
        )
    return _stored(row, secret.sealing)


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
        "sealed": secret.sealing.encrypt(bytes(response.body)),
        "at": clock.now(),
    }


def _stored(row: Document, sealing: Fernet) -> Response:
    body = row["body"] if "body" in row else sealing.decrypt(row["sealed"])  # `body`: kept by a version before replies were sealed
    response = Response(bytes(body), row["status"])
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in row["headers"]]
    response.headers[REPLAYED] = "true"
    return response


def _digest(request: Request, key: str) -> str:
    return hashlib.sha256(f"{_caller(request)}\0{request.method}\0{request.url.path}\0{key}".encode()).hexdigest()


@dataclass(frozen=True)
class _Secret:
    """What only a caller with this key can make again: seals the reply, and keys the digest of the request.

    A plain digest would tell whoever reads the database which phone number a short request named: there are few enough to try.
    """

    key: bytes

    @classmethod
    def of(cls, request: Request, key: str) -> "_Secret":
        return cls(hashlib.sha256(f"reply\0{_caller(request)}\0{key}".encode()).digest())

    @property
    def sealing(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self.key))

    def fingerprint(self, content: str) -> str:
        """Keyed digest of a request, given by the plain one."""
        return hmac.new(self.key, b"request\0" + content.encode(), hashlib.sha256).hexdigest()


def _caller(request: Request) -> str:
    principal: str | None = getattr(request.state, "principal", None)
    return principal or request.headers.get("cookie", "")
