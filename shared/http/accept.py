"""Content negotiation between an HTML page and JSON (RFC 9110, section 12.5.1)."""

from starlette.requests import Request

PAGE = ("text/html", "application/xhtml+xml")
FOR_PROGRAMS = ("application/json", "application/problem+json")


def prefers_page(request: Request) -> bool:
    """Whether `Accept` names HTML, as browsers do, and weighs it at least as high as JSON. `*/*` alone does not ask for a page."""
    weights: dict[str, float] = {}
    for part in request.headers.get("accept", "")[:1000].split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights[media_type] = _weight(parameters)
    page = max((weights.get(media_type, 0.0) for media_type in PAGE), default=0.0)
    return page > 0 and page >= max(weights.get(media_type, 0.0) for media_type in FOR_PROGRAMS)


def _weight(parameters: list[str]) -> float:
    """The weight `q`: 1 without one, 0 for a malformed one."""
    given = next((parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")), "1")
    try:
        return float(given)
    except ValueError:
        return 0.0
