"""A service's pages for developers: the API reference without internet, and a page for every problem type."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import pytest_asyncio

from services.data_sharing.domain.decision import Reason
from shared.http.problems import CATALOGUE
from tests.shared.thing import Settings, build
from tests.support.service_runner import run_service

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Addresses(HTMLParser):
    """The addresses that a page loads, and its inline scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline_scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "img"} or (tag == "link" and given.get("rel") != "icon"):
            self.loaded.append(given.get("src") or given.get("href") or "")
        self.inline_scripts += tag == "script" and "src" not in given


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thing(module_settings):
    async with run_service(build(module_settings(Settings))) as running:
        yield running


async def test_the_reference_loads_nothing_but_what_the_service_serves_itself(thing):
    page = await thing.http.get("/docs")
    found = Addresses(page.text)
    assert page.status_code == 200
    assert found.loaded
    assert found.inline_scripts == 0
    for address in found.loaded:
        assert not re.match(r"\w+:|//", address), f"{address} is on another host"
        part = await thing.http.get(address)
        assert part.status_code == 200
        assert "immutable" in part.headers["cache-control"]


async def test_the_references_policy_gives_its_scripts_no_rights_of_the_origin(thing):
    policy = dict(
        directive.strip().partition(" ")[::2] for directive in (await thing.http.get("/docs")).headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert "unsafe" not in str(policy)
    assert "allow-scripts" in policy["sandbox"]
    assert "allow-same-origin" not in policy["sandbox"]
    assert policy["frame-ancestors"] == "'none'"


async def test_the_document_is_given_once_for_its_tag(thing):
    first = await thing.http.get("/openapi.json")
    assert first.json()["paths"]
    again = await thing.http.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_problems_type_leads_to_a_page_that_says_what_to_do(thing):
    problem = (await thing.http.get("/v1/things")).json()
    assert problem["type"] == f"{thing.url}/problems/unauthorized"
    page = await thing.http.get(problem["type"])
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "What to do" in page.text
    assert "Authorization: Bearer" in page.text
    assert "script" not in page.headers["content-security-policy"]


@pytest.mark.parametrize("name", CATALOGUE)
async def test_every_type_has_its_page(thing, name):
    page = await thing.http.get(f"/problems/{name}")
    assert page.status_code == 200
    assert f"<code>{name}</code>" in page.text
    assert f'href="problems/{name}"' in (await thing.http.get("/problems")).text


async def test_an_unknown_type_is_404_and_nothing_of_it_is_in_the_page(thing):
    page = await thing.http.get("/problems/<b>bold<%2Fb>")
    assert page.status_code == 404
    assert "bold" not in page.text


def used_types():
    """Return each `type="..."` of a `Problem`, and each first argument of exceptions that map to a type."""
    for folder in ("services", "shared", "examples"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                values = [
                    keyword.value for keyword in node.keywords if keyword.arg == "type" and name in {"Problem", "HttpFailure", "__init__"}
                ]
                values += node.args[:1] if name == "StepRefused" else []
                yield from (
                    (value.value, f"{file.relative_to(ROOT)}:{node.lineno}")
                    for value in values
                    if isinstance(value, ast.Constant) and isinstance(value.value, str)
                )


async def test_the_catalogue_has_every_type_that_the_code_names_and_no_other():
    used = {**dict(used_types()), **{reason.value: "services/data_sharing/domain/decision.py" for reason in Reason}}
    assert {kind: where for kind, where in used.items() if kind not in CATALOGUE} == {}
    assert CATALOGUE.keys() - used.keys() == set()
