"""`Idempotency-Key`: a request runs once, and a repeat gets the first one's reply.

Semantics of the IETF draft 'The Idempotency-Key HTTP Header Field': the same key with the same body gives the stored reply, with
another body 422, and 409 while the first is under way. The stored reply is part of the transaction that makes the effect, so there
is no moment in which one exists without the other. The look-up happens when the function opens its transaction, so always after the
caller was authenticated.
"""

import hashlib
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from shared import clock
from shared.http.errors import Problem
from shared.mongo import Document, Transaction, UnitOfWork, unit_of_work

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255
_under_way: set[str] = set()


class _Replay(Exception):  # noqa: N818 (not an error: it leaves the function with the stored reply)
    def __init__(self, reply: Response) -> None:
        super().__init__()
        self.reply = reply


async def run_once(request: Request, run: Callable[[], Awaitable[Response]]) -> Response:
    """Run a request at most once for its key and caller. `run` must be safe to start again after a `Conflict`.

    The caller is `request.state.principal`, set by whatever authenticates the request; without one it is the session cookie.
    """
    key = _key(request)
    fingerprint = hashlib.sha256(request.url.query.encode() + b"\0" + await request.body()).hexdigest()
    id_ = ""

    async def look_up(transaction: Transaction) -> None:
        nonlocal id_
        if id_ in _under_way:  # a second block of the same function
            return
        candidate = _digest(request, key)
        row = await transaction.collection("idempotency").find_one({"_id": candidate})
        if row is not None:
            if row["fingerprint"] != fingerprint:
                raise Problem(
                    422,
                    "This Idempotency-Key was used with another request.",
                    type="idempotency-key-reused",
                    field="header.idempotency-key",
                )
            raise _Replay(_stored(row))
        if candidate in _under_way:
            raise Problem(
                409,
                "The first request with this Idempotency-Key is still under way.",
                type="idempotency-in-flight",
                headers={"Retry-After": "1"},
            )
        id_ = candidate
        _under_way.add(id_)

    unit = UnitOfWork(look_up)
    token = unit_of_work.set(unit)
    try:
        response = await run()
        if unit.transaction is None:  # nothing was changed, so there is nothing to protect from a repeat
            return response
        if response.status_code >= 400:
            await unit.abort()
            return response
        await unit.transaction.collection("idempotency").insert_one(_row(id_, fingerprint, response))
        await unit.commit()
    except _Replay as replay:
        return replay.reply
    else:
        return response
    finally:
        await unit.abort()
        unit_of_work.reset(token)
        _under_way.discard(id_)


def _key(request: Request) -> str:
    key = request.headers[HEADER]
    if not 1 <= len(key) <= MAX_KEY:
        raise Problem(400, f"Idempotency-Key must have 1 to {MAX_KEY} characters.", type="invalid-input", field="header.idempotency-key")
    return key


def _row(id_: str, fingerprint: str, response: Response) -> Document:
    return {
        "_id": id_,
        "fingerprint": fingerprint,
        "status": response.status_code,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.raw_headers],
        "body": bytes(response.body),
        "at": clock.now(),
    }


def _stored(row: Document) -> Response:
    response = Response(bytes(row["body"]), row["status"])
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in row["headers"]]
    response.headers[REPLAYED] = "true"
    return response


def _digest(request: Request, key: str) -> str:
    principal = getattr(request.state, "principal", None) or request.headers.get("cookie", "")
    return hashlib.sha256(f"{principal}\0{request.method}\0{request.url.path}\0{key}".encode()).hexdigest()
