"""Answers unknown paths in this API's error shape."""

from services.notifications.domain.refusals import Refusal

from .surface import NotifyRouter

router = NotifyRouter()


@router.api_route("/v2/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def unknown(path: str) -> None:  # noqa: ARG001
    """Answer 404 `No result found`."""
    raise Refusal.not_found()
