"""Pages of any origin may ask these surfaces from their scripts, as they may ask the originals (Fetch standard, CORS protocol).

No cookie says who asks: a key or a token is sent on purpose, so that no page can ask in somebody else's name.
"""

from starlette.requests import Request
from starlette.responses import Response

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
"""Headers of every answer, errors too."""
_PREFLIGHT = {
    **ANY_ORIGIN,
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "authorization, content-type, key",
    "Access-Control-Max-Age": "86400",
}


def preflight(request: Request) -> Response | None:
    """The answer to a browser that asks first whether a page may ask; None where the request is another one."""
    asks_first = request.method == "OPTIONS" and "access-control-request-method" in request.headers
    return Response(status_code=204, headers=_PREFLIGHT) if asks_first else None
