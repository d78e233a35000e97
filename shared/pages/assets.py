"""The static files of the pages: one stylesheet, the scripts, one icon, kept in memory, with a fingerprint of their content in the URL.

`govuk-frontend` and `accessible-autocomplete` come from node_modules (`python -m shared.pages.install`). The served stylesheet lacks the
GDS Transport typeface and the royal crest, which only gov.uk may use. The service serves none of the package's fonts and images.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GOVUK = ROOT / "node_modules" / "govuk-frontend" / "dist" / "govuk"
AUTOCOMPLETE = ROOT / "node_modules" / "accessible-autocomplete" / "dist"
PREFIX = "/assets"

A_YEAR = "public, max-age=31536000, immutable"
AN_HOUR = "public, max-age=3600"

_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
_CREST = "url(/assets/images/govuk-crest.svg)"


class AssetsMissing(SystemExit):
    """The npm packages are missing. As a SystemExit it ends a service at its start with one line."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The pages' assets are not installed ({path.name} is missing): run `python -m shared.pages.install`, or `make install`."
        )


@dataclass(frozen=True)
class Asset:
    """One static file."""

    media_type: str
    body: bytes
    compressed: bytes
    fingerprint: str

    @classmethod
    def of(cls, media_type: str, body: bytes) -> "Asset":
        return cls(media_type, body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:16])


def without_crown_property(css: str) -> str:
    """Remove the typeface and the crest from govuk-frontend's stylesheet; arial and the sans-serif fallback remain."""
    css = re.sub(r"""["']?GDS Transport["']?,\s*""", "", _FONT_FACE.sub("", css))
    return _without_map(css.replace(_CREST, "none"))


@cache
def assets() -> dict[str, Asset]:
    """Return every static file by its name. Raises `AssetsMissing` if node_modules lacks one."""
    govuk = without_crown_property(_read(GOVUK / "govuk-frontend.min.css"))
    css = [govuk, _without_map(_read(AUTOCOMPLETE / "accessible-autocomplete.min.css")), _read(HERE / "static" / "pages.css")]
    return {
        "pages.css": Asset.of("text/css; charset=utf-8", "\n".join(css).encode()),
        "pages.js": _script(HERE / "static" / "pages.js"),
        "address-picker.mjs": _script(HERE / "static" / "address-picker.mjs"),
        "govuk-frontend.min.js": _script(GOVUK / "govuk-frontend.min.js"),
        "accessible-autocomplete.min.js": _script(AUTOCOMPLETE / "accessible-autocomplete.min.js"),
        "icon.svg": Asset.of("image/svg+xml", _read(HERE / "static" / "icon.svg").encode()),
    }


def url(name: str) -> str:
    """Return the URL of a static file with its fingerprint, so that browsers may cache it for a year."""
    return f"{PREFIX}/{name}?v={assets()[name].fingerprint}"


def router() -> APIRouter:
    """Return the router of the static files, for a service's list of routers."""
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route(PREFIX + "/{name}", _send, methods=["GET", "HEAD"], include_in_schema=False)
    assets()
    return routes


def mount(app: FastAPI) -> None:
    """Serve the static files from `app`. Raises `AssetsMissing`."""
    app.include_router(router())


async def _send(name: str, request: Request) -> Response:
    asset = assets().get(name)
    if asset is None:
        return Response(status_code=404, media_type="text/plain", content="No such file")
    headers = {
        "Cache-Control": A_YEAR if request.query_params.get("v") == asset.fingerprint else AN_HOUR,
        "ETag": f'"{asset.fingerprint}"',
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.body, headers=headers, media_type=asset.media_type)


def _script(path: Path) -> Asset:
    return Asset.of("text/javascript; charset=utf-8", _without_map(_read(path)).encode())


def _without_map(text: str) -> str:
    """Remove the comment that names a source map, which the service does not serve."""
    return re.sub(r"/\*# sourceMappingURL=.*?\*/|//# sourceMappingURL=.*", "", text)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise AssetsMissing(path) from None
