"""Every route of every service: HEAD wherever GET is; unknown paths answered in the client's format."""

import re
from importlib import import_module
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from deploy.contracts.apps import default_settings
from examples.move_home.settings import MachineClient
from examples.move_home.settings import Settings as MoveHome
from services.portal.service import build
from services.portal.settings import Settings
from shared.service import Service
from tests.move_home.conftest import KEY
from tests.support.service_runner import free_port

PACKAGES = {name: f"services.{name}" for name in ("portal", "identity", "addresses", "notifications", "data_sharing")}
PACKAGES["move_home"] = "examples.move_home"
PAGES = {"portal", "identity", "move_home"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FOR_PROGRAMS: tuple[dict[str, str], ...] = (
    {"Accept": "*/*"},
    {"Accept": "application/json"},
    {"Accept": "application/json, text/html;q=0.5"},
    {},
)


@pytest.fixture(params=PACKAGES)
def service(request: pytest.FixtureRequest, engines: Any) -> tuple[str, Service]:
    """A service, built but not started: its routes answer, some only with an error."""
    name = request.param
    settings = _move_home() if name == "move_home" else default_settings(import_module(f"{PACKAGES[name]}.settings").Settings)
    given = settings.model_copy(update={"mongodb": SecretStr(engines.mongodb), "database": f"every_route_{name}"})
    return name, import_module(f"{PACKAGES[name]}.service").build(given)


def _move_home() -> Any:
    client = MachineClient(client_id="c", client_secret=SecretStr("s"))
    nowhere = f"http://127.0.0.1:{free_port()}"
    return MoveHome(
        secret_key=SecretStr(Fernet.generate_key().decode()),
        addresses_url=nowhere,
        notifications_url=nowhere,
        data_sharing_url=nowhere,
        issuer=nowhere,
        client_id="c",
        client_secret=SecretStr("s"),
        addresses_client=client,
        shares_client=client,
        notify_key=SecretStr(KEY),
        email_template="e",
        sms_template="t",
    )


def browser_of(service: Service) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=service.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


def paths(service: Service) -> list[str]:
    """Return each path with GET, with values for its parameters."""
    found = [route.path for route in iter_route_contexts(service.app.routes) if route.path and "GET" in (route.methods or set())]
    assert {"/live", "/ready", "/docs", "/openapi.json"} <= set(found)
    return [re.sub(r"\{[^}]+\}", "1", path) for path in found]


async def test_head_answers_wherever_get_does(service):
    _, built = service
    async with browser_of(built) as http:
        for path in paths(built):
            got, head = await http.get(path), await http.head(path)
            assert head.status_code == got.status_code, path
            assert head.status_code != 405, path
            assert head.content == b"", path
            assert head.headers.get("content-type") == got.headers.get("content-type"), path
        refused = await http.put("/live")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_an_unknown_address_is_a_page_for_a_browser_and_a_problem_for_a_program(service):
    name, built = service
    async with browser_of(built) as http:
        page = await http.get("/no/such/page", headers=BROWSER)
        assert page.status_code == 404
        if name in PAGES:
            assert page.headers["content-type"].startswith("text/html")
            assert '<h1 class="govuk-heading-l">Page not found</h1>' in page.text
            assert "default-src 'none'" in page.headers["content-security-policy"]
        for headers in FOR_PROGRAMS:
            answer = await http.get("/no/such/page", headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), headers


async def test_a_real_server_sends_the_head_of_get_and_keeps_the_connection(settings, serve):
    async with serve(build(settings(Settings))) as running:
        for path in ("/", "/live", "/docs", "/assets/icon.svg", "/no/such/page"):
            got, head = await running.http.get(path), await running.http.head(path)
            assert (head.status_code, head.content) == (got.status_code, b"")
            assert head.headers["content-length"] == got.headers["content-length"], path
