"""Signing in by an emailed code, for a person and an attacker."""

import asyncio
import re
from datetime import timedelta

import pytest

from services.identity.domain.sign_in import MAX_TRIES
from services.identity.service import build
from shared import clock
from tests.identity.citizen import Browser, Citizen, Pkce, answer, request
from tests.identity.mailbox import Mailbox
from tests.support.service_runner import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def identity(shared_identity: RunningService) -> RunningService:
    return shared_identity


@pytest.fixture
def mailbox(shared_mailbox: Mailbox) -> Mailbox:
    return shared_mailbox


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


async def test_known_and_unknown_people_see_the_same(identity, mailbox):
    pages = []
    for address in ("grace@example.com", "nobody@example.com"):
        person = Citizen(identity.url, mailbox, address)
        await person.browser.open("/authorize", **request())
        page = await person.browser.submit(email=address)
        text = re.sub(r'(request=|value=")[^"&]+', "", page.text.replace(address, "ADDRESS"))
        pages.append((page.status_code, text))
        await mailbox.code_for(address)  # and both get a code
    assert pages[0] == pages[1]


async def test_five_wrong_codes_end_it_even_for_the_right_one(identity, citizen):
    code = await citizen.asks_for_code(**request())
    for number in range(MAX_TRIES):
        page = await citizen.browser.submit(code=wrong(code))
        assert page.status_code == 400
        assert ("That code is not right" if number < MAX_TRIES - 1 else "can no longer be used") in page.text
    page = await citizen.browser.submit(code=code)
    assert "can no longer be used" in page.text
    assert "identity_session" not in citizen.browser.http.cookies


async def test_wrong_codes_sent_at_once_have_five_tries_in_all(identity, citizen):
    code = await citizen.asks_for_code(**request())
    guess = {"csrf_token": citizen.browser.form_token, "code": wrong(code)}
    headers = {"Idempotency-Key": "the same for all"}
    url = str(citizen.browser.page.url)
    await asyncio.gather(*[citizen.browser.http.post(url, data=guess, headers=headers if n % 2 else {}) for n in range(12)])
    assert "can no longer be used" in (await citizen.browser.submit(code=code)).text


async def test_a_malformed_code_is_reported_and_costs_no_try(identity, citizen):
    code = await citizen.asks_for_code(**request())
    for typed in ("", "1234", "abcdefgh", "١٢٣٤٥٦٧٨", "123456789"):
        page = await citizen.browser.submit(code=typed)
        assert page.status_code == 400
        assert "Enter the 8 digits of the code" in page.text
        assert "<title>Error: " in page.text
    assert "code" in answer(await citizen.browser.submit(code=f" {code[:4]} {code[4:]}"))


async def test_a_code_is_good_once(identity, citizen):
    code = await citizen.asks_for_code(**request())
    page = citizen.browser.page
    assert "code" in answer(await citizen.browser.submit(code=code))
    citizen.browser.page = await citizen.browser.http.get(str(page.url))
    assert "can no longer be used" in (await citizen.browser.submit(code=code)).text


async def test_a_code_dies_after_ten_minutes(identity, citizen):
    code = await citizen.asks_for_code(**request())
    with clock.at(clock.now() + timedelta(minutes=10, seconds=1)):
        assert "can no longer be used" in (await citizen.browser.submit(code=code)).text


async def test_a_code_works_only_in_the_browser_that_asked_for_it(identity, citizen):
    code = await citizen.asks_for_code(**request())
    thief = Browser(identity.url)
    page = await thief.open(str(citizen.browser.page.url))
    assert page.status_code == 400
    assert citizen.address not in page.text
    await thief.open("/authorize", **request())  # a page of its own, with a form token of its own
    await thief.submit(email="thief@example.com")
    reply = await thief.http.post(str(citizen.browser.page.url), data={"csrf_token": thief.form_token, "code": code})
    assert reply.status_code == 400
    assert "identity_session" not in thief.http.cookies


async def test_a_wrong_address_is_reported_and_shown_again_escaped(identity, citizen):
    await citizen.browser.open("/authorize", **request())
    sent = len(citizen.mailbox.calls)
    for typed in (
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        'a"><script>@x.com',
        "a@b.com\r\nBcc: c@d.com",
        "x" * 400 + "@example.com",
    ):
        page = await citizen.browser.submit(email=typed)
        assert page.status_code == 400, typed
        assert "Enter an email address in the correct format" in page.text
        assert "<script>@" not in page.text
    assert len(citizen.mailbox.calls) == sent


async def test_an_empty_address_is_asked_for(identity, citizen):
    await citizen.browser.open("/authorize", **request())
    for typed in ("", "   "):
        page = await citizen.browser.submit(email=typed)
        assert page.status_code == 400
        assert '<a href="#email">Enter your email address</a>' in page.text


async def test_every_pages_title_is_its_heading(identity, citizen):
    pages = [await citizen.browser.open("/authorize", **request())]
    await citizen.asks_for_code(**request())
    pages += [citizen.browser.page, *[await citizen.browser.open(path) for path in ("/cookies", "/privacy", "/accessibility", "/logout")]]
    for page in pages:
        title, heading = re.search(r"<title>(.*?) – ", page.text), re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
        assert title, page.url
        assert heading, page.url
        assert title[1] == heading[1].strip(), page.url
        for link in ("/cookies", "/privacy", "/accessibility"):
            assert f'href="{link}"' in page.text.split("<footer")[1], page.url


async def test_an_error_leads_back_to_the_registered_start_page_of_the_application_or_nowhere(identity, citizen):
    browser = citizen.browser
    page = await browser.open("/authorize", **request(redirect_uri="https://evil.example/"))
    assert leads_to(page) == ("Go back to Move home", "https://move-home.test/")
    assert "evil.example" not in page.text
    assert leads_to(await browser.open("/authorize", **request(client_id="nobody"))) is None
    assert leads_to(await browser.open("/authorize", **request(client_id="camden-app", redirect_uri="https://x.example/"))) is None
    await browser.open("/authorize", **request())
    expired = str(browser.page.url)
    with clock.at(clock.now() + timedelta(hours=2)):
        assert leads_to(await browser.open(expired)) == ("Go back to Move home", "https://move-home.test/")
    with clock.at(clock.now() + timedelta(days=8)):
        assert leads_to(await browser.open(expired)) is None
    assert leads_to(await browser.http.get("/nowhere", headers={"Accept": "text/html"})) is None


def leads_to(page) -> tuple[str, str] | None:
    """Return the link in the page's main part."""
    assert page.status_code in {400, 404}, page.text
    found = re.search(r'<a class="govuk-link" href="([^"]+)">([^<]+)</a>', page.text.split("<main")[1].split("</main>")[0])
    return (found[2], found[1]) if found else None


async def test_a_session_that_the_browser_brought_is_not_taken_over(identity, citizen):
    citizen.browser.http.cookies.set("identity_session", "chosen-by-the-attacker", domain="127.0.0.1")
    code = await citizen.asks_for_code(**request())
    reply = await citizen.browser.submit(code=code)
    [cookie] = [value for value in reply.headers.get_list("set-cookie") if value.startswith("identity_session=")]
    assert "chosen-by-the-attacker" not in cookie
    attacker = Browser(identity.url)
    attacker.http.cookies.set("identity_session", "chosen-by-the-attacker", domain="127.0.0.1")
    assert answer(await attacker.open("/authorize", **request(prompt="none")))["error"] == "login_required"


async def test_signing_in_again_ends_the_old_session(identity, citizen):
    await citizen.signs_in(**request())
    old = citizen.browser.http.cookies["identity_session"]
    await citizen.signs_in(**request(prompt="login"))
    assert citizen.browser.http.cookies["identity_session"] != old
    stale = Browser(identity.url)
    stale.http.cookies.set("identity_session", old, domain="127.0.0.1")
    assert answer(await stale.open("/authorize", **request(prompt="none")))["error"] == "login_required"


async def test_the_session_cookie_is_long_random_and_out_of_scripts_reach(identity, citizen):
    code = await citizen.asks_for_code(**request())
    reply = await citizen.browser.submit(code=code)
    [cookie] = [value for value in reply.headers.get_list("set-cookie") if value.startswith("identity_session=")]
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    value = cookie.split(";")[0].partition("=")[2]
    assert len(value) >= 43
    assert value not in str(await identity.service.store.collection("sessions").find({}))


async def test_with_https_the_cookies_are_secure_and_bound_to_the_host(identity_settings, serve, mailbox):
    async with serve(build(identity_settings(public_url="https://identity.test"))) as identity:
        reply = await identity.http.get("/authorize", params=request())
        page = await identity.http.get(reply.headers["location"])
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        held = page.headers["set-cookie"].split(";")[0]
        assert token
        reply = await identity.http.post(
            reply.headers["location"], data={"csrf_token": token[1], "email": "ada@example.com"}, headers={"Cookie": held}
        )
        cookies = [*page.headers.get_list("set-cookie"), *reply.headers.get_list("set-cookie")]
        assert len(cookies) == 2
        for cookie in cookies:
            assert cookie.startswith("__Host-identity_")
            assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))


async def test_a_session_ends_when_idle_for_an_hour_and_after_twelve_hours_in_any_case(identity, citizen):
    await citizen.signs_in(**request())
    start = clock.now()
    hours = 0.0
    while hours < 11.5:
        hours += 0.75
        with clock.at(start + timedelta(hours=hours)):
            back = answer(await citizen.browser.open("/authorize", **request(prompt="none")))
            assert ("code" in back) == (hours < 12), hours
    with clock.at(start + timedelta(hours=12, minutes=1)):
        assert answer(await citizen.browser.open("/authorize", **request(prompt="none")))["error"] == "login_required"


async def test_an_idle_session_ends(identity, citizen):
    await citizen.signs_in(**request())
    with clock.at(clock.now() + timedelta(minutes=61)):
        assert answer(await citizen.browser.open("/authorize", **request(prompt="none")))["error"] == "login_required"


async def test_one_address_is_sent_five_codes_in_a_quarter_of_an_hour(identity, citizen):
    with clock.at(clock.now()):
        for _ in range(5):
            await citizen.asks_for_code(**request())
        await citizen.browser.open("/authorize", **request())
        refused = await citizen.browser.submit(email=citizen.address)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) <= 901
        other = Citizen(identity.url, citizen.mailbox, "other@example.com")
        assert await other.asks_for_code(**request())
    with clock.at(clock.now() + timedelta(minutes=16)):
        assert await citizen.asks_for_code(**request())


async def test_one_network_has_a_limit_of_requested_and_guessed_codes(identity_settings, serve, mailbox):
    async with serve(build(identity_settings(codes_per_network=3, wrong_codes_per_network=2))) as identity:
        with clock.at(clock.now()):
            people = [Citizen(identity.url, mailbox, f"person{number}@example.com") for number in range(4)]
            codes = [await person.asks_for_code(**request()) for person in people[:3]]
            await people[3].browser.open("/authorize", **request())
            assert (await people[3].browser.submit(email=people[3].address)).status_code == 429
            for person, code in zip(people[:2], codes[:2], strict=True):
                assert (await person.browser.submit(code=wrong(code))).status_code == 400
            assert (await people[2].browser.submit(code=codes[2])).status_code == 429


async def test_a_changed_or_old_sign_in_page_asks_to_start_again(identity, citizen):
    await citizen.browser.open("/authorize", **request(Pkce()))
    url = str(citizen.browser.page.url)
    for broken in (url[:-5], url + "A", "/sign-in", "/sign-in?request=" + "A" * 200, "/sign-in?request=%ff", "/sign-in/code"):
        page = await citizen.browser.http.get(broken)
        assert page.status_code == 400, broken
        assert "Start again" in page.text
    with clock.at(clock.now() + timedelta(minutes=61)):
        assert (await citizen.browser.http.get(url)).status_code == 400


async def test_the_address_stands_in_no_url(identity, citizen):
    await citizen.browser.open("/authorize", **request())
    urls = [str(citizen.browser.page.url)]
    page = await citizen.browser.submit(email=citizen.address)
    urls.append(str(page.url))
    assert not [url for url in urls if "ada." in url or "example.com" in url]
