"""A session ends while a citizen answers: the page says so, and signing in again restores the answers."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from pydantic import SecretStr

from examples.move_home.settings import SESSION
from services.identity.service import build as build_identity
from services.identity.settings import Settings as IdentitySettings
from shared import clock
from tests.identity.conftest import mailbox_running, own_settings
from tests.identity.mailbox import Mailbox
from tests.support.browser import MainForm
from tests.support.service_runner import TRUST, free_port

from .conftest import App
from .test_questions import TODAY_NAME, by_hand, heading

SECRET = "move-home-secret-move-home-secret-0123456789"


class Visitor:
    """A browser without JavaScript that moves between the app and identity."""

    def __init__(self, app: App, mailbox: Mailbox) -> None:
        self.http = httpx.AsyncClient(base_url=app.running.url, timeout=20, verify=TRUST, follow_redirects=True)
        self._mailbox = mailbox
        self.page: httpx.Response

    async def open(self, path: str) -> None:
        self.page = await self.http.get(path)

    async def send(self, **fields: Any) -> None:
        """Fill in and submit the page's form."""
        form = MainForm(self.page.text)
        assert form.action is not None, self.page.text
        target = urljoin(str(self.page.url), form.action or str(self.page.url))
        self.page = await self.http.post(target, data={**form.hidden, **fields})

    async def follow(self, text: str) -> None:
        """Follow the link or button with that text."""
        found = re.search(rf'<a href="([^"]+)"[^>]*>\s*{text}\s*</a>', self.page.text)
        assert found, self.page.text
        await self.open(unescape(found[1]))

    async def sign_in(self, address: str) -> None:
        earlier = len([body for body in self._mailbox.sent.values() if body["email_address"] == address])
        await self.send(email=address)
        await self.send(code=await self._mailbox.code_for(address, earlier=earlier))


@pytest.fixture
def visiting(start_app: Any, settings: Callable[..., Any], serve: Any, tmp_path: Path) -> Callable[[], Any]:
    """`async with visiting() as (app, visitor)`: the app and a real identity; only the mailbox is a stand-in."""

    @asynccontextmanager
    async def start() -> AsyncIterator[tuple[App, Visitor]]:
        async with AsyncExitStack() as stack:
            mailbox = await stack.enter_async_context(mailbox_running())
            port, seed = free_port(), tmp_path / "seed.json"
            client = {
                "client_id": "move-home",
                "client_secret": SECRET,
                "name": "Move home",
                "borough": "E09000012",
                "grant_types": ["authorization_code"],
                "scopes": ["openid", "email", "profile", "staff", "data_sharing:record:read"],
                "redirect_uris": [f"http://127.0.0.1:{port}/sign-in/callback"],
            }
            seed.write_text(json.dumps({"clients": [client]}))
            chosen = settings(IdentitySettings, **own_settings(mailbox), seed_file=str(seed))
            identity = await stack.enter_async_context(serve(build_identity(chosen)))
            app = await stack.enter_async_context(start_app(port=port, issuer=identity.url, client_secret=SecretStr(SECRET)))
            visitor = Visitor(app, mailbox)
            yield app, visitor
            await visitor.http.aclose()

    return start


async def answer_until_date(visitor: Visitor, address: str) -> None:
    await visitor.open("/move")
    await visitor.sign_in(address)
    await visitor.send(**TODAY_NAME)
    await visitor.open("/move/new/by-hand?because=down")
    await visitor.send(**by_hand("1 New Road", "N16 5TT", "E09000012"))
    await visitor.open("/move/old/by-hand?because=down")
    await visitor.send(**by_hand("2 Old Road", "NW1 8AB", "E09000007"))
    assert heading(visitor.page) == "When do you move?"


async def test_what_was_sent_too_late_and_all_answers_before_are_back_after_signing_in(visiting):
    date = {"date-day": "5", "date-month": "March", "date-year": str(clock.now().year)}
    async with visiting() as (app, visitor):
        await answer_until_date(visitor, "ada@example.com")
        with clock.at(clock.now() + timedelta(hours=9)):
            await visitor.send(**date)
            assert heading(visitor.page) == "You have been signed out"
            assert "We have kept your answers" in visitor.page.text
            assert "March" not in str(visitor.page.url), "nothing that was typed is in an address"
            rows = await app.store.collection("sessions").find({})
            assert rows
            assert "March" not in repr(rows), "what is kept is sealed"
            await visitor.follow("Sign in again")
            await visitor.sign_in("ada@example.com")
            assert heading(visitor.page) == "You are signed in again"
            await visitor.send()
            assert heading(visitor.page) == "Who should we tell?"
            await visitor.send(tell=["E09000007:council-tax"])
            await visitor.send(phone="")
            assert heading(visitor.page) == "Check your answers"
            for shown in ("Ada Lovelace", "1 New Road", "2 Old Road", "5 March"):
                assert shown in visitor.page.text
            assert await app.store.collection("sessions").count({}) == 1, "the ended session is gone"


async def test_the_last_button_pressed_too_late_leads_back_to_the_check_page_and_sends_nothing(visiting):
    async with visiting() as (app, visitor):
        await answer_until_date(visitor, "ada@example.com")
        await visitor.send(**{"date-day": "5", "date-month": "3", "date-year": str(clock.now().year)})
        await visitor.send(tell=["E09000007:council-tax"])
        await visitor.send(phone="")
        with clock.at(clock.now() + timedelta(hours=9)):
            await visitor.send()
            assert heading(visitor.page) == "You have been signed out"
            await visitor.follow("Sign in again")
            await visitor.sign_in("ada@example.com")
            assert heading(visitor.page) == "Check your answers"
            assert await app.store.collection("moves").count({}) == 0
            await visitor.send()
            assert await app.store.collection("moves").count({}) == 1


async def test_another_person_in_the_same_browser_gets_nothing_of_it(visiting):
    async with visiting() as (_, visitor):
        await answer_until_date(visitor, "ada@example.com")
        with clock.at(clock.now() + timedelta(hours=9)):
            await visitor.send(**{"date-day": "5", "date-month": "3", "date-year": "2026"})
            await visitor.follow("Sign in again")
            await visitor.sign_in("eve@example.com")
            assert heading(visitor.page) == "What is your name?"
            assert "Lovelace" not in visitor.page.text
            await visitor.open("/move/check")
            assert heading(visitor.page) == "What is your name?"


async def test_an_ended_session_opens_nothing_and_is_kept_for_a_day(app):
    browser = await app.browser()
    page = await browser.get("/move/name")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page.text))
    with clock.at(clock.now() + timedelta(hours=9)):
        assert (await browser.http.get("/moves")).status_code == 303
        late = await browser.http.post("/move/name", data=hidden | TODAY_NAME)
        assert (late.status_code, heading(late)) == (403, "You have been signed out")
        forged = await browser.http.post("/move/name", data=TODAY_NAME)
        assert "We have kept" not in forged.text, "a form that our page did not send is not kept"
    with clock.at(clock.now() + timedelta(hours=33)):
        gone = await browser.http.post("/move/name", data=hidden | TODAY_NAME)
        assert (heading(gone), "has not been saved" in gone.text) == ("You have been signed out", True)
    browser.http.cookies.delete(SESSION)
    without = await browser.http.post("/move/name", data=hidden | TODAY_NAME)
    assert (without.status_code, heading(without)) == (403, "You have been signed out")
