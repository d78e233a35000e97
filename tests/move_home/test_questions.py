"""The citizen's pages without JavaScript and with every block down: one question a page, addresses by hand, plain English."""

import asyncio
import re
from datetime import UTC, datetime

import pytest

from examples.move_home.domain.answers import month_number
from examples.move_home.settings import SESSION
from shared import clock

TODAY_NAME = {"given_name": "Ada", "family_name": "Lovelace"}


def heading(page) -> str:
    found = re.search(r"<title>(.*?) – ", page.text, re.DOTALL)
    assert found, page.text
    return found[1]


def by_hand(line: str, postcode: str, council: str) -> dict[str, str]:
    return {"line1": line, "town": "London", "postcode": postcode, "council": council}


async def answer_everything(browser) -> None:
    await browser.send("/move/name", TODAY_NAME)
    await browser.send("/move/new/by-hand?because=down", by_hand("1 New Road", "N16 5TT", "E09000012"))
    await browser.send("/move/old/by-hand?because=down", by_hand("2 Old Road", "NW1 8AB", "E09000007"))
    await browser.send("/move/date", {"date-day": "1", "date-month": "3", "date-year": str(this_year())})
    await browser.send("/move/tell", {"tell": ["E09000007:council-tax", "E09000012:council-tax"]})
    page = await browser.send("/move/contact", {"phone": "07700900982"})
    assert heading(page) == "Check your answers"


def this_year() -> int:
    return clock.now().year


async def test_the_questions_come_one_by_one_and_the_move_is_sent_once(app):
    browser = await app.browser()
    assert heading(await browser.get("/move")) == "What is your name?"
    assert heading(await browser.send("/move/name", TODAY_NAME)) == "What is your new address?"
    page = await browser.send("/move/new/postcode", {"postcode": "n165tt"})
    assert heading(page) == "Enter your new address"
    assert "We cannot look up addresses at the moment" in page.text
    await answer_everything(browser)
    page = await browser.get("/move/check")
    for shown in (
        "Ada Lovelace",
        "1 New Road, London, N16 5TT",
        "2 Old Road, London, NW1 8AB",
        "Camden Council: Council Tax",
        "07700 900982",
    ):
        assert shown in page.text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page.text))
    first = await browser.http.post("/move/check", data=hidden)
    second = await browser.http.post("/move/check", data=hidden)
    assert first.headers["location"] == second.headers["location"] == f"/moves/{hidden['move']}"
    assert await app.store.collection("moves").count({}) == 1
    status = await browser.get(first.headers["location"])
    assert "Your move is recorded" in status.text
    assert "In progress" in status.text
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in status.text
    assert "refresh" not in (await browser.get(first.headers["location"] + "?refresh=false")).text.split("</head>")[0]
    assert heading(await browser.get("/move")) == "What is your name?"


async def test_two_presses_at_the_same_moment_are_one_move(app):
    browser = await app.browser()
    await answer_everything(browser)
    page = await browser.get("/move/check")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page.text))
    answers = await asyncio.gather(*(browser.http.post("/move/check", data=hidden) for _ in range(5)))
    assert {answer.headers["location"] for answer in answers} == {f"/moves/{hidden['move']}"}
    assert await app.store.collection("moves").count({}) == 1


async def test_each_wrong_answer_is_named_in_the_summary_and_kept_in_the_field(app):
    browser = await app.browser()
    for path, fields, message, field in [
        ("/move/name", {"given_name": "", "family_name": "L"}, "Enter your first name", "given_name"),
        ("/move/new/postcode", {"postcode": "N16"}, "Enter a full UK postcode", "postcode"),
        ("/move/name", {"given_name": "A", "family_name": "x" * 101}, "Last name must be 100 characters or less", "family_name"),
        ("/move/new/by-hand", {"line1": "", "town": "London", "postcode": "N16 5TT"}, "Enter address line 1", "line1"),
        ("/move/new/by-hand", {"line1": "1", "line2": "x" * 101, "town": "L", "postcode": "N16 5TT"}, "Address line 2 must be", "line2"),
        ("/move/new/by-hand", {"line1": "1", "town": "London", "postcode": ""}, "Enter a postcode", "postcode"),
        ("/move/new/by-hand?because=down", {"line1": "1", "town": "London", "postcode": "N16 5TT"}, "Select the council", "council"),
        ("/move/date", {"date-day": "31", "date-month": "2", "date-year": "2026"}, "must be a real date", "date-day"),
        ("/move/date", {"date-day": "1", "date-month": "", "date-year": "2026"}, "must include a month", "date-month"),
        ("/move/date", {"date-day": "1", "date-month": "1", "date-year": "1970"}, "within the last year", "date-day"),
        ("/move/contact", {"phone": "020 7946 0000"}, "Enter a UK mobile number", "phone"),
    ]:
        page = await browser.send(path, fields)
        assert page.status_code == 400, path
        assert heading(page).startswith("Error: ")
        assert re.search(rf'<a href="#{field}">[^<]*{message}', page.text), (path, message)
        assert f'id="{field}"' in page.text
    page = await browser.send("/move/new/postcode", {"postcode": "N16"})
    assert 'value="N16"' in page.text


async def test_nobody_reads_anothers_move_or_anything_without_signing_in(app):
    browser = await app.browser("citizen-1")
    await answer_everything(browser)
    sent = await browser.send("/move/check")
    path = sent.url.path
    other = await app.browser("citizen-2")
    assert (await other.get(path)).status_code == 404
    assert path.rsplit("/", 1)[1] not in (await other.get("/moves")).text
    assert path in (await browser.get("/moves")).text
    nobody = await app.running.http.get(path)
    assert nobody.status_code == 303
    assert nobody.headers["location"].startswith("/sign-in?back_to=%2Fmoves%2F")


async def test_a_citizen_cannot_see_the_boroughs_side_nor_staff_the_citizens(app):
    citizen = await app.browser()
    assert (await citizen.get("/borough")).status_code == 403
    staff = await app.browser("staff-1", borough="E09000012")
    assert (await staff.http.get("/moves")).status_code == 303
    other = await app.browser("staff-2", borough="E09000007")
    assert (await other.get("/borough")).status_code == 404
    assert (await staff.get("/borough")).status_code == 503


async def test_signing_out_ends_the_session(app):
    browser = await app.browser()
    secret = browser.http.cookies[SESSION]
    await browser.send("/moves", {})
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', (await browser.get("/moves")).text))
    await browser.http.post("/sign-out", data=hidden)
    browser.http.cookies.set(SESSION, secret)
    assert (await browser.http.get("/moves")).status_code == 303


async def test_sign_in_leads_only_to_our_own_pages_and_says_when_identity_is_down(app):
    down = await app.running.http.get("/sign-in?back_to=https://evil.example/")
    assert down.status_code == 503
    assert "You cannot sign in at the moment" in down.text
    app.running.http.cookies.set("move_home_sign_in", "forged")
    forged = await app.running.http.get("/sign-in/callback?code=x&state=y")
    assert forged.status_code == 400


async def test_a_move_outside_london_has_nobody_to_tell(app):
    browser = await app.browser()
    await browser.send("/move/name", TODAY_NAME)
    await browser.send("/move/new/by-hand?because=down", by_hand("1 New Road", "M1 1AE", "outside"))
    await browser.send("/move/old/by-hand?because=down", by_hand("2 Old Road", "LS1 1AA", "outside"))
    page = await browser.send("/move/date", {"date-day": "1", "date-month": "3", "date-year": str(this_year())})
    assert "We cannot tell these councils" in page.text
    assert "Continue" not in page.text


async def test_a_changed_address_asks_again_whom_to_tell(app):
    browser = await app.browser()
    await answer_everything(browser)
    page = await browser.send("/move/new/by-hand?because=down", by_hand("3 Other Road", "NW5 1AA", "E09000007"))
    assert heading(page) == "Who should we tell?"
    assert "Hackney" not in page.text.split("<main")[1].split("</main")[0]


@pytest.mark.parametrize("month", ["3", "03", "mar", "Mar.", "MARCH", "march "])
async def test_a_month_may_be_a_number_or_a_name(app, month):
    browser = await app.browser()
    await answer_everything(browser)
    page = await browser.send("/move/date", {"date-day": "5", "date-month": month, "date-year": str(this_year())})
    assert heading(page) == "Check your answers"
    assert f"5 March {this_year()}" in page.text


@pytest.mark.parametrize(("typed", "number"), [("dec", 12), ("Sept", 9), ("may", 5), ("june", 6), ("12", 12)])
def test_months_are_known_by_three_letters_or_more(typed, number):
    assert month_number(typed) == number


@pytest.mark.parametrize("typed", ["ma", "decembre", "x", "", "0", "13", "٣"])
async def test_what_is_no_month_is_no_real_date(app, typed):
    browser = await app.browser()
    page = await browser.send("/move/date", {"date-day": "5", "date-month": typed or "-", "date-year": str(this_year())})
    assert "must be a real date" in page.text


async def test_changing_an_answer_leads_back_to_the_check_page_both_ways(app):
    browser = await app.browser()
    page = await browser.get("/move/name")
    assert back_of(page) == "/"
    await answer_everything(browser)
    changes = re.findall(r'href="(/move/[^"]+)">\s*Change', (await browser.get("/move/check")).text)
    assert len(changes) == 6
    for change in changes:
        assert back_of(await browser.get(change)) == "/move/check", change
    page = await browser.send("/move/name", {"given_name": "Grace", "family_name": "Hopper"})
    assert heading(page) == "Check your answers"
    assert back_of(page) == "/move/contact"


async def test_a_number_is_shown_as_people_here_write_it(app):
    browser = await app.browser()
    await answer_everything(browser)
    for path in ("/move/check", "/move/contact"):
        page = await browser.get(path)
        assert "07700 900982" in page.text
        assert "+44" not in page.text


async def test_times_are_those_of_london(app):
    summer = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    browser = await app.browser()
    with clock.at(summer):
        fresh = await app.browser()
        assert "For example, 2 7 2026" in (await fresh.get("/move/date")).text, "where the citizen is, it is the next day"
    await answer_everything(browser)
    sent = await browser.send("/move/check")
    await app.store.collection("moves").update_one({}, {"$set": {"submitted_at": summer}})
    await app.store.collection("processes").delete_many({})
    for path in (sent.url.path + "?refresh=false", "/moves"):
        page = await browser.get(path)
        assert "2 July 2026 at 12:30am" in page.text, path
        assert "UTC" not in page.text


async def test_a_move_has_a_reference_that_a_person_can_read_out(app):
    browser = await app.browser()
    await answer_everything(browser)
    sent = await browser.send("/move/check")
    found = re.search(r"MOV-[2-9C-Y]{3}-[2-9C-Y]{3}", sent.text)
    assert found, sent.text
    assert found[0] in (await browser.get("/moves")).text
    page = re.sub(r"<[^>]*>", "", sent.text)
    assert sent.url.path.rsplit("/", 1)[1] not in page, "nobody is asked to read out an id"


async def test_cookies_privacy_and_accessibility_are_a_link_away_on_every_page(app):
    browser = await app.browser()
    for path in ("/", "/move/name", "/moves", "/nowhere", "/cookies", "/privacy", "/accessibility"):
        page = await browser.http.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
        footer = page.text.split("<footer")[1]
        for link in ("/cookies", "/privacy", "/accessibility"):
            assert f'href="{link}"' in footer, path
    assert SESSION in (await browser.get("/cookies")).text
    assert "Hackney Council" in (await browser.get("/privacy")).text
    assert heading(await browser.get("/accessibility")) == "Accessibility statement"


def back_of(page) -> str:
    found = re.search(r'<a href="([^"]+)" class="govuk-back-link">', page.text)
    assert found, page.text
    return found[1]
