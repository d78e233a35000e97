"""The API reference in Chromium, without internet."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from .conftest import Platform

pytestmark = pytest.mark.browser
SERVICES = ("identity", "addresses", "notifications", "data_sharing", "move_home", "portal")


@pytest.mark.parametrize("service", SERVICES)
def test_the_reference_shows_every_operation_without_internet_and_without_the_origins_rights(
    chromium: Browser, platform: Platform, service: str
) -> None:
    elsewhere: list[str] = []
    complaints: list[str] = []

    def only_here(route: Route) -> None:
        if re.match(r"http://127\.0\.0\.1:\d+/", route.request.url):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.route("**/*", only_here)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(platform.url(service) + "/docs")
    paths = page.request.get(platform.url(service) + "/openapi.json").json()["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(len(methods) for methods in paths.values()), timeout=30_000)
    assert page.evaluate("self.origin") == "null"
    assert "SecurityError" in page.evaluate("(() => { try { return document.cookie } catch (error) { return error.name } })()")
    page.locator(".opblock-summary-control").first.click()
    expect(page.locator(".responses-table").first).to_be_visible()
    if pictures := os.environ.get("BLOCKS_PICTURES"):
        page.screenshot(path=Path(pictures) / f"reference of {service}.png")
    context.close()
    assert elsewhere == []
    assert complaints == []
