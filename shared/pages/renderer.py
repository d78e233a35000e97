"""Renders templates to responses, with security headers, form tokens and error pages."""

import re
import secrets
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from jinja2 import BaseLoader, ChainableUndefined, ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader
from jinja2.runtime import Macro
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse

from shared.http.errors import HttpFailure

from . import assets
from .csrf import FIELD, Tokens
from .forms import FormErrors
from .times import london_date, london_date_time, london_time

HERE = Path(__file__).parent

TITLES = {
    400: "There is a problem with your request",
    403: "You cannot see this page",
    404: "Page not found",
    413: "What you sent is too large",
    429: "Too many requests",
    503: "Sorry, the service is unavailable",
}
Link = tuple[str, str]
"""Text and target."""
START: Link = ("Go to the start page", "/")
NO_SUCH_ADDRESS = "If you typed the web address, check that it is right. If you pasted it, check that you copied all of it."
SERVER_ERROR = "Nothing that you have sent is lost. Try again in a few minutes."


class Pages:
    """The pages of one service, which renders its templates inside the platform's layout.

    `secret` signs form tokens and must be the same in every replica. `session_cookie` names the service's session cookie, if it has one;
    form tokens are bound to it. All ports of a host share cookies, so the name should begin with the service's. `secure` says that browsers
    come by HTTPS. `form_targets` are further origins to which all forms may lead, by redirects too (CSP `form-action`). `start` is the link
    on error pages, None for a service without a start page; `footer` has the links at the foot of every page.
    """

    def __init__(
        self,
        templates: Path,
        service_name: str,
        *,
        secret: str,
        session_cookie: str,
        secure: bool = False,
        form_targets: Sequence[str] = (),
        start: Link | None = START,
        footer: Sequence[Link] = (),
    ) -> None:
        self._environment = environment(templates)
        self._environment.globals.update(service_name=service_name, asset=assets.url, footer_links=tuple(footer))
        self._tokens = Tokens(secret)
        self._session_cookie = session_cookie
        self._visitor_cookie = f"{session_cookie}_form"
        self._secure = secure
        self._form_targets = tuple(form_targets)
        self._start = start
        assets.assets()

    @property
    def assets(self) -> APIRouter:
        """The router of the static files, for the service's list of routers."""
        return assets.router()

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        errors: FormErrors | None = None,
        form_targets: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """Render `template` as a page that no cache stores.

        `errors` fills the error summary and makes the status 400 unless another is given. `form_targets` are further origins to which the
        forms of this page may lead.
        """
        errors = FormErrors() if errors is None else errors
        cookie, fresh = self._bound_cookie(request)
        token = self._tokens.issue(cookie)
        html = self._environment.get_template(template).render(
            request=request, errors=errors, csrf=Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token), **context
        )
        response = HTMLResponse(
            html, status_code=400 if errors and status == 200 else status, headers=self._headers(form_targets) | dict(headers or {})
        )
        if fresh:
            response.set_cookie(self._visitor_cookie, cookie, httponly=True, samesite="lax", secure=self._secure, path="/")
        return response

    def failure(self, request: Request, failure: HttpFailure) -> HTMLResponse:
        """Render the page of a failure outside a route: an unknown address, or a wrong method."""
        detail = NO_SUCH_ADDRESS if failure.status == 404 else SERVER_ERROR if failure.status >= 500 else None
        page = self.error(request, failure.status, title=failure.title, detail=detail)
        page.headers.update(failure.headers)
        return page

    def error(
        self, request: Request, status: int, *, title: str | None = None, detail: str | None = None, start: Link | None = None
    ) -> HTMLResponse:
        """Render an error page. `start` replaces the service's own start page as its link."""
        title = title or TITLES.get(status, "Sorry, there is a problem with the service" if status >= 500 else TITLES[400])
        return self.render(request, "error.html", status=status, title=title, detail=detail, start=start or self._start)

    async def form(self, request: Request) -> FormData:
        """Return the fields of a form from one of the service's own pages; usable as a FastAPI dependency. Raises `ForgeryError`."""
        form = await request.form(max_files=0, max_fields=200, max_part_size=64 * 1024)
        token = form.get(FIELD)
        cookie, _ = self._bound_cookie(request)
        self._tokens.check(token if isinstance(token, str) else "", cookie, request.headers.get("sec-fetch-site"))
        return form

    def _bound_cookie(self, request: Request) -> tuple[str, bool]:
        """Return the cookie value to which a form token is bound, and whether it is new."""
        if cookie := request.cookies.get(self._session_cookie) or request.cookies.get(self._visitor_cookie):
            return cookie, False
        return secrets.token_urlsafe(24), True

    def _headers(self, form_targets: Sequence[str]) -> dict[str, str]:
        headers = {
            "Content-Security-Policy": "; ".join(
                [
                    "default-src 'none'",
                    "style-src 'self'",
                    "script-src 'self'",
                    "img-src 'self'",
                    "connect-src 'self'",
                    " ".join(["form-action 'self'", *self._form_targets, *form_targets]),
                    "frame-ancestors 'none'",
                    "base-uri 'none'",
                ]
            ),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Cache-Control": "no-store",
        }
        if self._secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return headers


def environment(templates: Path) -> Environment:
    """Return a Jinja2 environment with autoescape, in which templates use `layout.html` and every GOV.UK macro without an import."""
    made = _environment(FileSystemLoader(templates), FileSystemLoader(HERE / "templates"))
    made.globals.update(_components())
    made.filters.update(london_date=london_date, london_time=london_time, london_date_time=london_date_time)
    return made


class _Component:
    """The macro of one component, compiled at first use: compiling all takes a second, and a service uses a few."""

    def __init__(self, path: str, macro: str) -> None:
        self._path, self._name = path, macro

    @cached_property
    def _macro(self) -> Macro:
        macro: Macro = getattr(_govuk().get_template(self._path).module, self._name)
        return macro

    def __call__(self, *arguments: Any, **named: Any) -> str:
        return self._macro(*arguments, **named)


@cache
def _components() -> Mapping[str, _Component]:
    """Return every GOV.UK macro by its name, shared by all services of a process."""
    found = {}
    for path in _govuk().list_templates():
        if component := re.fullmatch(r"govuk_frontend_jinja/components/([a-z-]+)/macro\.html", path):
            macro = "govuk" + "".join(word.title() for word in component[1].split("-"))
            found[macro] = _Component(path, macro)
    return found


@cache
def _govuk() -> Environment:
    """Return the environment that compiles the macros."""
    return _environment()


def _environment(*loaders: BaseLoader) -> Environment:
    """Return an environment whose undefined values chain, because the macros read absent parameters."""
    return Environment(
        loader=ChoiceLoader([*loaders, PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})]),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
