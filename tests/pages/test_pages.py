"""Layout, static files, security headers, form tokens and errors of pages, in a small app."""

import re
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse

from shared.pages import AssetsMissing, ForgeryError, FormErrors, Pages, assets, mount

PAGES = Pages(Path(__file__).parent / "templates", "Test service", secret="a secret of the tests", session_cookie="test_session")


class Postcode(BaseModel):
    postcode: str = Field(min_length=5)


def small_app() -> FastAPI:
    app = FastAPI()
    mount(app)

    @app.get("/")
    async def show(request: Request) -> HTMLResponse:
        return PAGES.render(request, "form.html", value='"><script>alert(1)</script>')

    @app.get("/picker")
    async def pick(request: Request) -> HTMLResponse:
        return PAGES.render(request, "picker.html", value='"><script>alert(1)</script>')

    @app.post("/")
    async def take(request: Request, form: Annotated[FormData, Depends(PAGES.form)]) -> HTMLResponse:
        try:
            Postcode.model_validate(dict(form))
        except ValidationError as failure:
            return PAGES.render(
                request, "form.html", value=form["postcode"], errors=FormErrors.of(failure, {"postcode": "Enter a full UK postcode"})
            )
        return HTMLResponse("taken")

    @app.exception_handler(ForgeryError)
    async def refused(request: Request, _: Exception) -> HTMLResponse:
        return PAGES.error(request, 403)

    return app


@pytest.fixture
async def browser():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(small_app()), base_url="http://test") as client:
        yield client


def token_in(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found
    return found[1]


async def test_values_are_escaped_also_inside_the_macros(browser):
    html = (await browser.get("/")).text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


async def test_no_page_needs_an_inline_script_or_style_and_the_policy_forbids_them(browser):
    page = await browser.get("/")
    policy = page.headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert re.findall(r"<script(?![^>]* src=)", page.text) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page.text) == []
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["cache-control"] == "no-store"


async def test_the_address_picker_is_hidden_until_its_script_shows_it_and_brings_no_inline_script(browser):
    page = (await browser.get("/picker")).text
    assert re.search(r"data-picker-typing hidden>", page)
    assert re.search(r'<div data-picker-fields>\s*<div class="govuk-form-group">.*?name="postcode"', page, re.DOTALL)
    assert "<script>alert" not in page
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page) == []
    served = {address: await browser.get(address) for address in re.findall(r'"(/assets/[^"]+)"', page)}
    assert {file.status_code for file in served.values()} == {200}
    scripts = [file for address, file in served.items() if "address-picker" in address or "accessible-autocomplete" in address]
    assert [file.headers["content-type"] for file in scripts] == ["text/javascript; charset=utf-8"] * 2
    assert all("sourceMappingURL" not in file.text for file in served.values())


async def test_every_static_file_of_a_page_is_served_for_a_year_and_the_typeface_is_not(browser):
    page = await browser.get("/")
    addresses = set(re.findall(r'"(/assets/[^"]+)"', page.text))
    assert len(addresses) == 4
    for address in addresses:
        file = await browser.get(address)
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]
        assert (await browser.get(address, headers={"If-None-Match": file.headers["etag"]})).status_code == 304
        assert "GDS Transport" not in file.text
    css = (await browser.get("/assets/pages.css")).text
    assert "url(" not in css
    assert css.count("font-family:arial,sans-serif") > 40
    assert (await browser.get("/assets/fonts/light-94a07e06a1-v2.woff2")).status_code == 404
    assert (await browser.get("/assets/..%2f..%2fpyproject.toml")).status_code == 404


async def test_a_file_of_another_version_is_not_kept_for_a_year(browser):
    assert "immutable" not in (await browser.get("/assets/pages.css?v=0123456789abcdef")).headers["cache-control"]


async def test_a_form_with_its_token_is_taken(browser):
    token = token_in((await browser.get("/")).text)
    assert (await browser.post("/", data={"postcode": "E8 1EA", "csrf_token": token})).text == "taken"


async def test_a_form_without_the_token_with_anothers_or_from_another_site_is_refused(browser):
    token = token_in((await browser.get("/")).text)
    fields = {"postcode": "E8 1EA"}
    assert (await browser.post("/", data=fields)).status_code == 403
    assert (await browser.post("/", data=fields | {"csrf_token": token[:-1] + "x"})).status_code == 403
    crossing = await browser.post("/", data=fields | {"csrf_token": token}, headers={"Sec-Fetch-Site": "same-site"})
    assert crossing.status_code == 403
    browser.cookies.clear()
    assert (await browser.post("/", data=fields | {"csrf_token": token})).status_code == 403


async def test_a_token_issued_before_sign_in_does_not_serve_the_session(browser):
    token = token_in((await browser.get("/")).text)
    browser.cookies.set("test_session", "a new session")
    assert (await browser.post("/", data={"postcode": "E8 1EA", "csrf_token": token})).status_code == 403


async def test_an_error_is_in_the_title_the_summary_and_beside_its_field(browser):
    token = token_in((await browser.get("/")).text)
    page = await browser.post("/", data={"postcode": "E8", "csrf_token": token})
    assert page.status_code == 400
    assert "<title>Error: What is your new postcode?" in page.text
    assert '<a href="#postcode">Enter a full UK postcode</a>' in page.text
    assert re.search(r'id="postcode-error"[^>]*>\s*<span class="govuk-visually-hidden">Error:</span> Enter a full UK postcode', page.text)
    assert 'id="postcode"' in page.text
    assert 'value="E8"' in page.text


async def test_an_error_page_says_what_and_where_to_go(browser):
    page = await browser.post("/", data={})
    assert "You cannot see this page" in page.text
    assert 'href="/"' in page.text


def test_missing_packages_end_the_start_with_one_line_that_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "GOVUK", tmp_path)
    assets.assets.cache_clear()
    with pytest.raises(AssetsMissing, match=r"^[^\n]*python -m shared\.pages\.install[^\n]*$"):
        Pages(tmp_path, "Test service", secret="s", session_cookie="c")
    assets.assets.cache_clear()
