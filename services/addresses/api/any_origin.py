"""Pages of any origin may ask these surfaces from their scripts, as they may ask the originals (Fetch standard, CORS protocol).

No cookie says who asks: a key or a token is sent on purpose, so that no page can ask in somebody else's name.
"""

from starlette.requests import Request
from starlette.responses import Response

from shared.http.router import Handler, Route

_ANY = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {
    **_ANY,
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "authorization, content-type, key",
    "Access-Control-Max-Age": "86400",
}


class AnyOriginRoute(Route):
    """Lets scripts read every answer, errors too. A browser's preflight is answered by the route that takes OPTIONS."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
                return Response(status_code=204, headers=_PREFLIGHT)
            response = await handler(request)
            response.headers.update(_ANY)
            return response

        return answer
