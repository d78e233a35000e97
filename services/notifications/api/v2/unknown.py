"""Paths that this surface does not have are answered in its own shape."""

from services.notifications.domain.refusals import Refusal

from .surface import NotifyRouter

router = NotifyRouter()


@router.api_route("/v2/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def unknown(path: str) -> None:  # noqa: ARG001
    """404 `No result found`."""
    raise Refusal.not_found()
