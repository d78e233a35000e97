"""Fixtures: a platform that `blocks up` starts, and a citizen's browser in Chromium."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.deploy.platform import RunningBlocks

SMALL = 320
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@dataclass
class Platform:
    """A running platform, by its ready file."""

    ready: dict[str, Any]

    def url(self, part: str) -> str:
        """Return the service's base URL."""
        return str(self.ready["urls"][part])

    def captured(self, to: str, channel: str = "email") -> list[dict[str, Any]]:
        """Return the messages to that address or number, newest first."""
        reply = httpx.get(self.ready["captured"], params={"to": to, "channel": channel}).raise_for_status().json()
        messages: list[dict[str, Any]] = reply if isinstance(reply, list) else reply["items"]
        return messages

    def sign_in_code(self, email: str, *, seen: int) -> str:
        """Wait for more than `seen` emails; return the sign-in code of the newest."""
        mails = eventually(lambda: (found := self.captured(email)) and len(found) > seen and found)
        code = re.search(r"\b\d{8}\b", mails[0]["body"])
        assert code, mails[0]["body"]
        return code[0]


@dataclass
class Citizen:
    """A person at a browser; axe-core checks every page against WCAG."""

    context: BrowserContext
    platform: Platform
    page: Page
    javascript: bool
    pictures: Path | None

    def sign_in(self, email: str, path: str) -> None:
        """Open a page of move_home that needs a sign-in, and sign in with the code that is mailed."""
        seen = len(self.platform.captured(email))
        self.page.goto(self.platform.url("move_home") + path)
        self.check("sign in: address")
        self.page.get_by_label("Email address").fill(email)
        self.go_on("sign in: code")
        self.page.get_by_label("Code").fill(self.platform.sign_in_code(email, seen=seen))
        self.page.get_by_role("button", name="Continue").click()

    def go_on(self, picture: str, button: str = "Continue") -> None:
        """Press the page's button, and check the next page."""
        self.page.get_by_role("button", name=button).click()
        self.check(picture)

    def check(self, picture: str) -> None:
        """Assert that the page is the platform's, and that axe-core finds no violation."""
        self.page.wait_for_load_state()
        expect(self.page).to_have_title(re.compile("London Building Blocks$"))
        said = " ".join(self.page.locator("h1").inner_text().split())
        assert self.page.title().removeprefix("Error: ").startswith(f"{said} – "), f"{picture}: the title is not the heading “{said}”"
        if self.pictures is not None:
            kind = "" if self.javascript else " without javascript"
            self.page.screenshot(path=self.pictures / f"{picture.replace('/', ' ')}{kind}.png", full_page=True)
        if self.javascript:
            self._fits_a_small_screen(picture)
            results = Axe().run(self.page, options={"runOnly": {"type": "tag", "values": WCAG}})
            assert results.violations_count == 0, f"{picture}: {results.generate_report()}"

    def _fits_a_small_screen(self, picture: str) -> None:
        """Assert that at 320 CSS pixels nothing scrolls sideways (WCAG 2.2, success criterion 1.4.10)."""
        window = self.page.viewport_size
        assert window is not None
        self.page.set_viewport_size({"width": SMALL, "height": 640})
        if self.pictures is not None:
            self.page.screenshot(path=self.pictures / f"{picture.replace('/', ' ')} {SMALL}.png", full_page=True)
        width = self.page.evaluate("document.documentElement.scrollWidth")
        self.page.set_viewport_size(window)
        assert width <= SMALL, f"{picture} is {width} pixels wide on a screen of {SMALL}"


def eventually(check: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Call the check until it returns a true value."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Platform]:
    """The whole platform with its demo data; `BLOCKS_READY_FILE` names a running one instead."""
    if known := os.environ.get("BLOCKS_READY_FILE"):
        yield Platform(json.loads(Path(known).read_text()))
        return
    data: Callable[[], Path] = request.getfixturevalue("platform_data")
    with RunningBlocks(tmp_path_factory.mktemp("platform"), "--data-dir", str(data())) as running:
        yield Platform(running.wait_until_ready())


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def sit_down(chromium: Browser, platform: Platform) -> Iterator[Callable[..., Citizen]]:
    """`sit_down(javascript=True, ...)`: a citizen with a fresh browser profile; other arguments are Playwright's context options.

    `BLOCKS_PICTURES` names a folder for screenshots.
    """
    contexts: list[BrowserContext] = []

    def make(*, javascript: bool = True, **options: Any) -> Citizen:
        context = chromium.new_context(java_script_enabled=javascript, **({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(15_000)
        contexts.append(context)
        pictures = os.environ.get("BLOCKS_PICTURES")
        return Citizen(context, platform, context.new_page(), javascript, Path(pictures) if pictures else None)

    yield make
    for context in contexts:
        context.close()
