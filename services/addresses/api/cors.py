"""Cross-origin requests to the OS Places and postcodes.io APIs from any origin, as the originals allow (Fetch standard, CORS protocol).

The APIs use keys and tokens, never cookies, so no page can send a request in another user's name.
"""

from starlette.requests import Request
from starlette.responses import Response

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
"""Headers of every response, errors included."""
PREFLIGHT = {
    **ANY_ORIGIN,
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "accept, authorization, content-type, key, origin, x-requested-with",
    "Access-Control-Max-Age": "86400",
}
"""Headers of a preflight response: they allow what clients of either original send, jQuery's `X-Requested-With` included."""


def preflight(request: Request) -> Response | None:
    """Answer a preflight request; None for any other request."""
    asks_first = request.method == "OPTIONS" and "access-control-request-method" in request.headers
    return Response(status_code=204, headers=PREFLIGHT) if asks_first else None
