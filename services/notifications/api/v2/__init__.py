"""GOV.UK Notify's v2 API: its paths, its authentication, its shapes and texts."""

from fastapi import APIRouter

from . import lists, send, templates, unknown


def routers() -> list[APIRouter]:
    """Every router of this surface; the one that answers unknown paths last."""
    return [send.router, lists.router, templates.router, unknown.router]
