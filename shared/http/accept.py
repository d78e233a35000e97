"""What the client would rather have (RFC 9110, section 12.5.1): a page, or something for programs."""

from starlette.requests import Request

PAGE = ("text/html", "application/xhtml+xml")
FOR_PROGRAMS = ("application/json", "application/problem+json")


def prefers_page(request: Request) -> bool:
    """Whether HTML is asked for by name, as browsers do, and not less than JSON is. `*/*` alone does not ask for a page."""
    weights: dict[str, float] = {}
    for part in request.headers.get("accept", "")[:1000].split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights[media_type] = _weight(parameters)
    page = max((weights.get(media_type, 0.0) for media_type in PAGE), default=0.0)
    return page > 0 and page >= max(weights.get(media_type, 0.0) for media_type in FOR_PROGRAMS)


def _weight(parameters: list[str]) -> float:
    """`q`, 1 where there is none, 0 where it is malformed."""
    given = next((parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")), "1")
    try:
        return float(given)
    except ValueError:
        return 0.0
