"""The whole journey as a citizen, two boroughs' staff and a nosy citizen see it, in a real browser."""

import re
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import expect

from shared import clock
from tests.browser.conftest import Citizen, eventually

pytestmark = pytest.mark.browser

HOME = "E8 1EA"
OLD_HOME = "NW1 8AB"


def tell(citizen: Citizen, email: str, *, phone: str = "", tell_also: str | None = None, by_hand: bool = False) -> str:
    """Go through every question; gives the path of the move's page."""
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
    search(citizen, HOME.lower())
    citizen.check("new address")
    page.get_by_role("radio").first.check()
    citizen.go_on("old postcode")
    search(citizen, OLD_HOME)
    citizen.check("old address")
    if by_hand:
        page.get_by_role("link", name="I cannot find my address in the list").click()
        citizen.check("old address by hand")
        page.get_by_label("Address line 1").fill("Flat 9, 1 Nimblory Way")
        page.get_by_label("Town or city").fill("London")
    else:
        page.get_by_role("radio").nth(1).check()
    citizen.go_on("date")
    day = clock.now().date() + timedelta(days=14)
    for name, value in (("Day", day.day), ("Month", day.month), ("Year", day.year)):
        page.get_by_label(name, exact=True).fill(str(value))
    citizen.go_on("whom to tell")
    page.get_by_label("Camden Council: Council Tax").check()
    page.get_by_label("Hackney Council: Council Tax").check()
    if tell_also:
        page.get_by_label(tell_also).check()
    citizen.go_on("contact")
    page.get_by_label("Mobile number").fill(phone)
    citizen.go_on("check answers")
    expect(page.locator("dl")).to_contain_text("Ada Lovelace")
    citizen.go_on("status at first", button="Tell the councils")
    found = re.search(r"/moves/[0-9a-f-]{36}$", page.url)
    assert found, page.url
    return found[0]


def search(citizen: Citizen, postcode: str) -> None:
    """Search by postcode, with or without the box that suggests addresses."""
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
    path = tell(citizen, email, phone=phone)
    page = citizen.page
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Your move is complete"), timeout=30_000)
    citizen.check("status when complete")
    assert page.locator("#progress .govuk-tag").all_inner_texts() == ["Done"] * 5
    mail = eventually(lambda: [m for m in platform.captured(email) if path in m["body"]])
    assert len(mail) == 1
    assert "Camden Council has been told about Council Tax." in mail[0]["body"]
    texts = [message for message in platform.captured("44" + phone.replace(" ", "").removeprefix("0"), "sms") if path in message["body"]]
    assert len(texts) == 1, "one text for one move"
    assert "We have told everyone you asked us to tell." in texts[0]["body"]

    page.get_by_role("link", name="See who has seen your details").click()
    citizen.check("who saw what")
    expect(page.locator("main")).to_contain_text("Camden Council received")
    expect(page.locator("main")).to_contain_text("Hackney Council received")


def test_each_borough_sees_what_its_agreement_allows_and_the_citizen_sees_who_read_it(sit_down, platform):
    citizen = sit_down()
    path = tell(citizen, "seen@example.com", by_hand=True)
    expect(citizen.page.get_by_role("heading", level=1)).to_have_text("Your move is complete", timeout=30_000)
    move = path.rsplit("/", 1)[1]

    seen: dict[str, str] = {}
    for borough in ("camden", "hackney"):
        staff = sit_down()
        staff.sign_in(f"staff@{borough}.example.com", "/borough")
        staff.check(f"inbox of {borough}")
        row = staff.page.locator("tr", has_text=move)
        expect(row).to_have_count(1)
        row.get_by_role("link", name="Open").click()
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
    expect(citizen.page.locator("main")).to_contain_text("Camden Council read")
    expect(citizen.page.locator("main")).to_contain_text("Hackney Council read")


def test_a_council_that_must_not_be_told_is_told_to_the_citizen_in_plain_words(sit_down, platform):
    citizen = sit_down()
    tell(citizen, "refused@example.com", tell_also="Hackney Council: Electoral register")
    page = citizen.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Your move is complete", timeout=30_000)
    citizen.check("status with a refusal")
    expect(page.locator("main")).to_contain_text(
        "We have not told Hackney Council, because the councils have not agreed to share your details for this. "
        "You need to tell them yourself, at hackney.gov.uk."
    )
    mail = next(m for m in platform.captured("refused@example.com") if "what we have told" in m["subject"])
    assert "Hackney Council has not been told about Electoral register" in mail["body"]
    page.get_by_role("link", name="See who has seen your details").click()
    citizen.check("who saw what with a refusal")
    expect(page.locator("main")).to_contain_text("Hackney Council was not told")


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
