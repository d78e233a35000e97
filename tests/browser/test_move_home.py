"""The whole journey in a real browser, for a citizen, two boroughs' staff and another citizen."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, expect
from pymongo import MongoClient

from shared import clock
from tests.browser.conftest import Citizen, eventually

pytestmark = pytest.mark.browser

HOME = "E8 1EA"
OLD_HOME = "NW1 8AB"
IN_ISLINGTON = "EC1V 3SL"
COUNCIL_TAX = ("Camden Council: Council Tax", "Hackney Council: Council Tax")
REGISTER = "Hackney Council: Electoral register"
ALL_TOLD = "We have told everyone you asked us to tell"
SOME_TOLD = "We have not told everyone you asked us to tell"
NOBODY_TOLD = "We have not told any council about your move"


def tell(
    citizen: Citizen,
    email: str,
    *,
    phone: str = "",
    choose: tuple[str, ...] = COUNCIL_TAX,
    by_hand: bool = False,
    new: str = HOME,
    old: str = OLD_HOME,
) -> str:
    """Answer every question and return the path of the move's page. Islington addresses are entered by hand."""
    page, base = citizen.page, citizen.platform.url("move_home")
    page.goto(base)
    citizen.check("start")
    page.get_by_role("button", name="Start now").click()
    citizen.sign_in(email, "/move")
    citizen.check("name")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Lovelace")
    citizen.go_on("new postcode")
    search(citizen, "E8")
    expect(page.get_by_role("alert")).to_contain_text("Enter a full UK postcode")
    citizen.check("new postcode with an error")
    if new == HOME:
        search(citizen, HOME.lower())
        citizen.check("new address")
        page.get_by_role("radio").first.check()
        citizen.go_on("old postcode")
    else:
        enter_by_hand(citizen, "new", new)
    if old == OLD_HOME:
        search(citizen, OLD_HOME)
        citizen.check("old address")
    if old != OLD_HOME:
        enter_by_hand(citizen, "old", old)
    elif by_hand:
        page.get_by_role("link", name="I cannot find my address in the list").click()
        citizen.check("old address by hand")
        page.get_by_label("Address line 1").fill("Flat 9, 1 Nimblory Way")
        page.get_by_label("Town or city").fill("London")
    else:
        page.get_by_role("radio").nth(1).check()
    if old == OLD_HOME:
        citizen.go_on("date")
    day = clock.now().date() + timedelta(days=14)
    for name, value in (("Day", str(day.day)), ("Month", day.strftime("%b").lower()), ("Year", str(day.year))):
        page.get_by_label(name, exact=True).fill(value)
    citizen.go_on("whom to tell")
    for label in choose:
        page.get_by_label(label).check()
    citizen.go_on("contact")
    page.get_by_label("Mobile number").fill(phone)
    citizen.go_on("check answers")
    expect(page.locator("dl")).to_contain_text("Ada Lovelace")
    citizen.go_on("status at first", button="Tell the councils")
    found = re.search(r"/moves/[0-9a-f-]{36}$", page.url)
    assert found, page.url
    return found[0]


def enter_by_hand(citizen: Citizen, which: str, postcode: str) -> None:
    """Enter an address that the demo does not know."""
    page = citizen.page
    page.goto(f"{citizen.platform.url('move_home')}/move/{which}/by-hand")
    page.get_by_label("Address line 1").fill("1 Wimblory Row")
    page.get_by_label("Town or city").fill("London")
    page.get_by_label("Postcode").fill(postcode)
    citizen.go_on(f"after the {which} address by hand")


def heading(citizen: Citizen) -> Locator:
    """The page's one heading of the first level."""
    return citizen.page.get_by_role("heading", level=1)


def outcome(citizen: Citizen, said: str) -> None:
    """Wait until the move is settled; return the page's text about it."""
    expect(heading(citizen)).to_have_text(said, timeout=30_000)
    expect(citizen.page.locator("#progress")).not_to_contain_text("This page renews itself", timeout=30_000)


def search(citizen: Citizen, postcode: str) -> None:
    """Search by postcode, with or without the suggestion box."""
    page = citizen.page
    field, instead = page.get_by_label("Postcode", exact=True), page.get_by_role("button", name="Search by postcode instead")
    expect(field.or_(instead).first).to_be_visible()
    if citizen.javascript and instead.is_visible():
        instead.click()
    field.fill(postcode)
    page.get_by_role("button", name="Find address").click()


@pytest.mark.parametrize("javascript", [True, False], ids=["with javascript", "without javascript"])
def test_a_citizen_tells_once_and_sees_everything_done(sit_down, platform, javascript):
    email, phone = f"mover-{'js' if javascript else 'plain'}@example.com", "07700 900 457" if javascript else "07700 900 458"
    citizen = sit_down(javascript=javascript)
    path = tell(citizen, email, phone=phone, choose=(*COUNCIL_TAX, REGISTER))
    page = citizen.page
    outcome(citizen, ALL_TOLD)
    citizen.check("status when everyone is told")
    assert page.locator("#progress .govuk-tag").all_inner_texts() == ["Done"] * 6
    mail = eventually(lambda: [m for m in platform.captured(email) if path in m["body"]])
    assert len(mail) == 1
    assert "Camden Council has been told about Council Tax." in mail[0]["body"]
    assert mail[0]["subject"] == "Your move: we have told everyone you asked us to tell"
    reference = re.search(r"MOV-\w{3}-\w{3}", page.locator("#progress").inner_text())
    assert reference
    assert reference[0] in mail[0]["body"]
    texts = [message for message in platform.captured(phone, "sms") if path in message["body"]]
    assert len(texts) == 1, "one text for one move"
    assert "We have told everyone you asked us to tell." in texts[0]["body"]
    assert reference[0] in texts[0]["body"]

    page.get_by_role("link", name="See who has seen your details").click()
    citizen.check("who saw what")
    expect(page.locator("main")).to_contain_text("Hackney Council sent your details to Camden Council")
    expect(page.locator("main")).to_contain_text("Hackney Council passed your details on to its own staff")
    page.goto(platform.url("move_home") + "/moves")
    citizen.check("moves")
    expect(page.locator("main")).to_contain_text("Everyone told")


def test_each_borough_sees_what_its_agreement_allows_and_the_citizen_sees_who_read_it(sit_down, platform):
    citizen = sit_down()
    path = tell(citizen, "seen@example.com", by_hand=True)
    outcome(citizen, ALL_TOLD)
    move = path.rsplit("/", 1)[1]

    seen: dict[str, str] = {}
    for borough in ("camden", "hackney"):
        staff = sit_down()
        staff.sign_in(f"staff@{borough}.example.com", "/borough")
        staff.check(f"inbox of {borough}")
        expect(staff.page.locator("main")).not_to_contain_text(move)
        staff.page.locator(".govuk-task-list__item", has_text="Council Tax, from Hackney").first.get_by_role("link").click()
        staff.check(f"share of {borough}")
        seen[borough] = staff.page.locator("main").inner_text()
        staff.page.goto(platform.url("move_home") + path)
        expect(staff.page.get_by_role("heading", level=1)).to_have_text("Page not found")
    assert "Flat 9, 1 Nimblory Way, London, NW1 8AB" in seen["camden"]
    assert "Email address" not in seen["camden"]
    assert "New address" not in seen["camden"]
    assert "seen@example.com" in seen["hackney"]
    assert "Nimblory" not in seen["hackney"]

    citizen.page.goto(platform.url("move_home") + "/record")
    citizen.check("who saw what, read")
    expect(citizen.page.locator("main")).to_contain_text("Camden Council read what Hackney Council sent")
    expect(citizen.page.locator("main")).to_contain_text("Hackney Council read your details")


def test_where_some_are_told_and_others_not_everything_says_who_and_what_to_do(sit_down, platform):
    citizen = sit_down()
    email, phone = "some@example.com", "07700 900 461"
    path = tell(citizen, email, phone=phone, choose=("Camden Council: Council Tax", "Islington Council: Council Tax"), new=IN_ISLINGTON)
    outcome(citizen, SOME_TOLD)
    citizen.check("status when some are told")
    page = citizen.page.locator("main")
    expect(page).to_contain_text("Tell Islington Council about Council Tax yourself, at www.islington.gov.uk.")
    expect(page).to_contain_text("Camden Council will write to you if they need to know more.")
    expect(page).to_contain_text("We have not told Islington Council, because no agreement lets us tell them.")
    mail = next(m for m in platform.captured(email) if path in m["body"])
    assert "Camden Council has been told about Council Tax." in mail["body"]
    assert "Islington Council has not been told about Council Tax" in mail["body"]
    (text,) = (message for message in platform.captured(phone, "sms") if path in message["body"])
    assert "You need to tell these yourself: Islington Council (Council Tax)." in text["body"]
    citizen.page.goto(platform.url("move_home") + "/moves")
    citizen.check("moves when some are told")
    expect(page).to_contain_text("Not everyone told")


def test_where_nobody_is_told_everything_says_so_and_every_refusal_is_on_record(sit_down, platform):
    citizen = sit_down()
    email, phone = "nobody@example.com", "07700 900 462"
    choose = ("Islington Council: Council Tax", "Islington Council: Electoral register")
    path = tell(citizen, email, phone=phone, choose=choose, new=IN_ISLINGTON, old=IN_ISLINGTON)
    page = citizen.page
    outcome(citizen, NOBODY_TOLD)
    citizen.check("status when nobody is told")
    expect(page.locator("main")).to_contain_text("You need to tell the councils yourself.")
    expect(page.locator("main")).to_contain_text("Tell Islington Council about Council Tax yourself, at www.islington.gov.uk.")
    for word in ("complete", "will write to you", "have told everyone"):
        expect(page.locator("main")).not_to_contain_text(word)
    mail = next(m for m in platform.captured(email) if path in m["body"])
    assert mail["subject"] == "Your move: we have not told any council about your move"
    assert "Islington Council has not been told about the electoral register, because no agreement lets us tell them." in mail["body"]
    assert "will write to you" not in mail["body"]
    (text,) = (message for message in platform.captured(phone, "sms") if path in message["body"])
    assert "We have not told any council about your move. You need to tell them yourself." in text["body"]
    page.goto(platform.url("move_home") + "/moves")
    citizen.check("moves when nobody is told")
    expect(page.locator("main")).to_contain_text("Nobody told")
    page.goto(platform.url("move_home") + "/record")
    citizen.check("who saw what with refusals")
    refusals = page.locator(".govuk-summary-card", has_text="Hackney Council was not allowed to send your details to Islington Council")
    expect(refusals).to_have_count(2)
    expect(refusals.first).to_contain_text("No agreement between the councils allows it.")


def test_a_citizen_sees_neither_the_boroughs_side_nor_anothers_move(sit_down, platform):
    owner = sit_down()
    path = tell(owner, "owner@example.com")
    nosy = sit_down()
    nosy.sign_in("nosy@example.com", path)
    nosy.check("another's move")
    expect(nosy.page.get_by_role("heading", level=1)).to_have_text("Page not found")
    nosy.page.goto(platform.url("move_home") + "/borough")
    nosy.check("the boroughs' side for a citizen")
    expect(nosy.page.get_by_role("heading", level=1)).to_have_text("You cannot see this page")


def test_signing_out_ends_the_session_here_and_at_identity(sit_down, platform):
    citizen = sit_down()
    citizen.sign_in("leaver@example.com", "/moves")
    citizen.check("no moves yet")
    citizen.page.get_by_role("button", name="Sign out").click()
    expect(citizen.page).to_have_url(platform.url("move_home") + "/")
    citizen.page.goto(platform.url("move_home") + "/moves")
    expect(citizen.page.get_by_label("Email address")).to_be_visible()


def test_a_fresh_token_is_had_without_asking_while_identity_knows_the_citizen_and_by_signing_in_otherwise(sit_down, platform):
    renewing = platform.url("move_home") + "/sign-in?back_to=/record&silent=true"
    citizen = sit_down()
    citizen.sign_in("renewing@example.com", "/record")
    citizen.check("nobody saw anything")
    before = citizen.context.cookies(platform.url("move_home"))
    citizen.page.goto(renewing)
    expect(citizen.page).to_have_url(platform.url("move_home") + "/record")
    assert citizen.context.cookies(platform.url("move_home")) != before
    stranger = sit_down()
    stranger.page.goto(renewing)
    expect(stranger.page.get_by_label("Email address")).to_be_visible()


def test_a_boroughs_own_system_tells_of_a_move_by_the_api(platform):
    machine = next(client for client in platform.ready["identity"]["machine_clients"] if client["borough"] == "E09000012")
    token = httpx.post(
        platform.url("identity") + "/token",
        data={"grant_type": "client_credentials", "scope": "move_home:move:create"},
        auth=(machine["client_id"], machine["client_secret"]),
    ).json()["access_token"]
    address = {"text": "1 Some Road, London", "postcode": OLD_HOME, "borough": "E09000007"}
    move = {
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email": "by-api@example.com",
        "old_address": address,
        "new_address": address | {"postcode": HOME, "borough": "E09000012"},
        "moved_on": clock.now().date().isoformat(),
        "tell": [{"borough": code, "purpose": "council-tax"} for code in ("E09000007", "E09000012")],
    }
    with httpx.Client(base_url=platform.url("move_home"), headers={"Authorization": f"Bearer {token}"}) as http:
        accepted = http.post("/api/moves", json=move).raise_for_status()
        status = eventually(lambda: (s := http.get(accepted.headers["location"]).json())["status"] == "complete" and s)
    assert {step["status"] for step in status["steps"]} == {"done"}
    assert len(platform.captured("by-api@example.com")) == 1


def test_a_form_sent_after_the_session_ended_is_there_again_after_signing_in(sit_down, platform):
    citizen = sit_down()
    citizen.sign_in("late@example.com", "/move")
    page = citizen.page
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Late")
    with MongoClient[dict[str, Any]](platform.ready["mongodb"]) as database:
        database["move_home"]["sessions"].update_many({}, {"$set": {"ends_at": clock.now() - timedelta(minutes=1)}})
    citizen.go_on("signed out meanwhile")
    expect(heading(citizen)).to_have_text("You have been signed out")
    page.get_by_role("button", name="Sign in again").click()
    expect(heading(citizen)).to_have_text("You are signed in again")  # identity's own session is still valid
    citizen.check("signed in again")
    citizen.go_on("new postcode after signing in again")
    page.goto(platform.url("move_home") + "/move/name")
    expect(page.get_by_label("Last name")).to_have_value("Late")


def test_the_pages_at_every_foot_and_an_unknown_one_are_accessible_and_fit_a_small_screen(sit_down, platform):
    citizen = sit_down()
    for part in ("move_home", "identity"):
        for path in ("/", "/cookies", "/privacy", "/accessibility", "/no-such-page"):
            citizen.page.goto(platform.url(part) + path)
            citizen.check(f"{part} {path}")
    citizen.page.goto(platform.url("portal") + "/no-such-page")
    citizen.check("portal no-such-page")
    citizen.page.goto(platform.ready["captured"])
    citizen.check("captured")
    citizen.page.get_by_label("Email address or phone number").fill("07700 900 461")
    citizen.page.get_by_role("button", name="Show messages").click()
    citizen.check("captured texts to a number")


def test_an_expired_sign_in_leads_back_to_the_application(sit_down, platform):
    citizen = sit_down()
    citizen.page.goto(platform.url("identity") + "/authorize?client_id=move-home&redirect_uri=https://elsewhere.example/")
    citizen.check("cannot sign in from there")
    citizen.page.get_by_role("link", name="Go back to Move home").click()
    expect(citizen.page).to_have_url(platform.url("move_home") + "/")
