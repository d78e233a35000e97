"""Pages of any origin may ask these surfaces from their scripts, as they may ask the originals (Fetch standard, CORS protocol).

No cookie says who asks: a key or a token is sent on purpose, so that no page can ask in somebody else's name.
"""

from starlette.requests import Request
from starlette.responses import Response

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
"""Headers of every answer, errors too."""
PREFLIGHT = {
    **ANY_ORIGIN,
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "accept, authorization, content-type, key, origin, x-requested-with",
    "Access-Control-Max-Age": "86400",
}
"""Headers of the answer to a browser that asks first: what a client of either original sends, jQuery's `X-Requested-With` too."""


def preflight(request: Request) -> Response | None:
    """The answer to a browser that asks first whether a page may ask; None where the request is another one."""
    asks_first = request.method == "OPTIONS" and "access-control-request-method" in request.headers
    return Response(status_code=204, headers=PREFLIGHT) if asks_first else None
