"""The developer's pages of a service: API reference (`/docs`), OpenAPI document (`/openapi.json`), and a page for each problem type.

The reference is swagger-ui, from the npm package that package-lock.json pins. FastAPI's own page loads it from a public server. This page
loads nothing from other hosts, and has an origin of its own (CSP `sandbox`): no script on it can act for a person who is signed in here.
"""

import asyncio
import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from shared.http.problems import CATALOGUE, PATH, ProblemType

ROOT = Path(__file__).parents[2]
SWAGGER_UI = ROOT / "node_modules" / "swagger-ui-dist"
_A_YEAR = "public, max-age=31536000, immutable"
_AN_HOUR = "public, max-age=3600"
_START = """\
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#reference", deepLinking: true, supportedSubmitMethods: [], validatorUrl: null, defaultModelsExpandDepth: 0,
  plugins: [() => ({ wrapComponents: { authorizeBtn: () => () => null, authorizeOperationBtn: () => () => null } })],
});
"""
"""Removes "Try it out" and "Authorize": the sandboxed page cannot call the API, and must not hold a person's token."""
_STYLE = """\
body { margin: 0; color: #0b0c0c; background: #fff; }
.blocks-bar, .blocks-text { font: 1.1875rem/1.5 arial, sans-serif; }
.blocks-bar { background: #3b1c5a; padding: 0.75rem 1rem; } .blocks-bar a { color: #fff; margin-right: 1.5rem; }
.blocks-text { max-width: 45rem; margin: 0 auto; padding: 1rem; }
.blocks-text h1 { font-size: 2rem; line-height: 1.2; } .blocks-text h2 { font-size: 1.3rem; }
.blocks-text code { background: #f3f2f1; padding: 0 0.2em; overflow-wrap: anywhere; } .blocks-text a { color: #1d70b8; }
a:focus-visible { outline: 3px solid #fd0; outline-offset: 2px; }
.blocks-text dt { font-weight: bold; margin-top: 1rem; } .blocks-text dd { margin: 0; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_COMMON = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE_POLICY = f"{_COMMON}; style-src 'sha256-{_STYLE_HASH}'; img-src data:"
_REFERENCE_POLICY = (
    f"{_COMMON}; script-src 'self'; style-src 'self' 'sha256-{_STYLE_HASH}'; img-src 'self' data:; connect-src 'self'; "
    "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox"
)
_NOT_INSTALLED = (
    "<p class=blocks-text>The reference's scripts are not installed: run <code>make install</code>, or "
    "<code>python -m shared.pages.install</code>. "
    'The same is in <a href="openapi.json">openapi.json</a>.</p>'
)


class _File(NamedTuple):
    media_type: str
    compressed: bytes
    tag: str

    @classmethod
    def of(cls, media_type: str, content: bytes) -> "_File":
        return cls(media_type, gzip.compress(content, mtime=0), hashlib.sha256(content).hexdigest()[:16])


def add_reference(app: FastAPI) -> None:
    """Serve `/docs`, `/openapi.json` and `/problems` from this application."""
    routes: dict[str, Callable[..., Awaitable[Response]]] = {
        "/docs": _reference,
        "/docs/{name}": _reference_file,
        "/openapi.json": _document,
        PATH: _problems,
        PATH + "/{name}": _problem,
    }
    for path, serve in routes.items():
        app.add_api_route(path, serve, include_in_schema=False)


def add_home(app: FastAPI) -> None:
    """Redirect `/` to the reference if the service has no page there. Call it after the service's routers are included."""
    if all(context.path != "/" for context in iter_route_contexts(app.routes)):
        app.add_api_route("/", _home, include_in_schema=False)


async def _home() -> Response:
    """Redirect to the reference."""
    return RedirectResponse("docs", 303)


@cache
def _files() -> dict[str, _File]:
    """The reference's scripts and styles, read at the first visit; empty if they are not installed."""
    try:
        return {
            "swagger-ui.css": _File.of("text/css; charset=utf-8", (SWAGGER_UI / "swagger-ui.css").read_bytes()),
            "swagger-ui.js": _File.of("text/javascript; charset=utf-8", (SWAGGER_UI / "swagger-ui-bundle.js").read_bytes()),
            "start.js": _File.of("text/javascript; charset=utf-8", _START.encode()),
        }
    except FileNotFoundError:
        return {}


async def _reference(request: Request) -> Response:
    """The API reference."""
    files = await asyncio.to_thread(_files)
    title = html.escape(request.app.title)
    address = {name: f"docs/{name}?v={file.tag}" for name, file in files.items()}
    styles = f'<link rel="stylesheet" href="{address["swagger-ui.css"]}">' if files else ""
    scripts = "".join(f'<script src="{address[name]}"></script>' for name in ("swagger-ui.js", "start.js")) if files else _NOT_INSTALLED
    return _page(title, f'<div id="reference"></div>{scripts}', _REFERENCE_POLICY, head=styles, root="")


async def _reference_file(name: str, request: Request) -> Response:
    """A script or a style of the reference."""
    file = (await asyncio.to_thread(_files)).get(name)
    if file is None:
        return Response("No such file", 404, media_type="text/plain")
    keep = _A_YEAR if request.query_params.get("v") == file.tag else _AN_HOUR
    return _sent(request, file, {"Cache-Control": keep})


async def _document(request: Request) -> Response:
    """The OpenAPI document, which any page may read."""
    state = request.app.state
    if not hasattr(state, "openapi_file"):
        document = await asyncio.to_thread(request.app.openapi)  # reading sources takes a second
        state.openapi_file = _File.of("application/json", json.dumps(document, ensure_ascii=False).encode())
    return _sent(request, state.openapi_file, {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"})


async def _problems() -> Response:
    """All problem types."""
    entries = "".join(
        f'<dt><a href="problems/{name}"><code>{name}</code></a></dt><dd>{_prose(kind.title)}</dd>' for name, kind in CATALOGUE.items()
    )
    return _page("Problem types", f"<main class=blocks-text><h1>Problem types</h1><dl>{entries}</dl></main>", _PAGE_POLICY, root="")


async def _problem(name: str) -> Response:
    """The page of one problem type: explanation and remedy."""
    kind = CATALOGUE.get(name)
    if kind is None:
        body = '<main class=blocks-text><h1>No such problem type</h1><p><a href="../problems">See all problem types</a>.</p></main>'
        return _page("No such problem type", body, _PAGE_POLICY, status=404, root="../")
    return _page(kind.title, _explained(name, kind), _PAGE_POLICY, root="../")


def _explained(name: str, kind: ProblemType) -> str:
    return (
        f"<main class=blocks-text><h1>{_prose(kind.title)}</h1><p>Problem type <code>{name}</code></p>"
        f"<h2>What happened</h2><p>{_prose(kind.happened)}</p><h2>What to do</h2><p>{_prose(kind.remedy)}</p>"
        '<p>Every problem has the form of <a href="https://www.rfc-editor.org/rfc/rfc9457">RFC 9457</a>: '
        "<code>detail</code> says what is wrong with your request, and <code>trace_id</code> helps the operator to find it.</p></main>"
    )


def _prose(text: str) -> str:
    """Text as HTML; backticks become `<code>`."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _page(title: str, body: str, policy: str, *, root: str, head: str = "", status: int = 200) -> Response:
    """One HTML page. `root` is the relative path from the page's folder to the service's."""
    links = f'<a href="{root}docs">API reference</a><a href="{root}openapi.json">OpenAPI</a><a href="{root}problems">Problem types</a>'
    document = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title} - London Building Blocks</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style>{head}</head><body><header class=blocks-bar><nav>{links}</nav></header>{body}</body></html>"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return HTMLResponse(document, status, headers=headers)


def _sent(request: Request, file: _File, headers: dict[str, str]) -> Response:
    headers |= {"ETag": f'"{file.tag}"', "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.media_type)
    return Response(gzip.decompress(file.compressed), headers=headers, media_type=file.media_type)
