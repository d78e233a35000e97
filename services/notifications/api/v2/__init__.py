"""GOV.UK Notify's v2 API: its paths, its authentication, its shapes and texts."""

from fastapi import APIRouter

from . import lists, send, templates, unknown


def routers() -> list[APIRouter]:
    """Return every router of this API, with the one for unknown paths last."""
    return [send.router, lists.router, templates.router, unknown.router]
