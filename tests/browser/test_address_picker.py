"""Finding an address in a real browser: suggestions by keyboard alone, and every alternative when they fail."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Citizen, eventually

pytestmark = pytest.mark.browser

STREET = "Winterfield Close"
SHELL = f"9 {STREET}, London, NW1 8AB"
FLATS = [f"Flat {letter}, {SHELL}" for letter in "ABC"]
POSTCODE = "NW1 8AB"


@pytest.fixture
def at_the_question(sit_down: Callable[..., Citizen]) -> Callable[..., Citizen]:
    """Sign a citizen in and open the question for the new address; the options are Playwright's."""

    def make(*, javascript: bool = True, **options: Any) -> Citizen:
        citizen = sit_down(javascript=javascript, **options)
        page, platform, email = citizen.page, citizen.platform, f"picker-{uuid4().hex}@example.com"
        page.goto(platform.url("move_home") + "/move/new/postcode")
        page.get_by_label("Email address").fill(email)
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Code").fill(platform.sign_in_code(email, seen=0))
        page.get_by_role("button", name="Continue").click()
        expect(heading(page)).to_have_text("What is your new address?")
        if javascript:
            expect(box(page)).to_be_visible()
        return citizen

    return make


def box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Start typing the address or postcode")


def options(page: Page) -> Locator:
    return page.get_by_role("option")


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def go_to_box(page: Page) -> None:
    """Reach the box by the Tab key alone."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if box(page).evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("the box is not reached by Tab")


def check_answer(citizen: Citizen, expected: str) -> None:
    """Assert the stored new address: the question shows it when opened again."""
    citizen.page.goto(citizen.platform.url("move_home") + "/move/new/postcode")
    expect(box(citizen.page)).to_have_value(expected)


def test_an_address_is_chosen_by_keyboard_alone(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    citizen.check("picker at first")
    expect(page.get_by_label("Postcode", exact=True)).to_be_hidden()
    go_to_box(page)
    page.keyboard.type("flat b 9 winterfield")
    expect(options(page).first).to_have_text(FLATS[1])
    expect(box(page)).to_have_attribute("aria-expanded", "true")
    citizen.check("picker with suggestions")
    expect(page.locator("[role=status]", has_text=re.compile(r"\d+ suggestions? (is|are) available")).first).to_be_attached()
    page.keyboard.press("ArrowDown")
    expect(options(page).first).to_be_focused()
    expect(options(page).first).to_have_attribute("aria-selected", "true")
    citizen.check("picker with a suggestion highlighted")
    page.keyboard.press("Enter")
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_value(FLATS[1])
    citizen.check("picker with an address chosen")
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("What is your name?")
    check_answer(citizen, FLATS[1])


def test_enter_without_a_highlighted_suggestion_searches_for_the_text(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    go_to_box(page)
    page.keyboard.type(f"9 {STREET}")
    expect(options(page).first).to_be_visible()
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Select your new address")
    citizen.check("addresses like a text sent by enter")


def test_enter_without_a_highlighted_suggestion_says_what_it_does(at_the_question):
    page = at_the_question().page
    page.route("**/new/postcode", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    box(page).evaluate("element => element.form.addEventListener('submit', (event) => event.preventDefault())")
    box(page).press_sequentially("winterfield")
    expect(options(page).nth(1)).to_be_visible()
    for typed in ("", " close"):  # with the list open, and before there is one for the text
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text=f"Searching for \u201cwinterfield{typed}\u201d")).to_be_visible()


def test_escape_on_a_suggestion_goes_back_to_the_box_with_its_text(at_the_question):
    page = at_the_question().page
    typed = f"9 {STREET}".lower()
    box(page).press_sequentially(typed)
    expect(options(page).nth(1)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options(page).nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_value(typed)
    assert page.locator("[name=uprn]").input_value() == ""
    page.keyboard.type("x")
    expect(box(page)).to_have_value(f"{typed}x")


def test_words_that_no_address_has_are_named(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    box(page).press_sequentially("10 zanzibarqua street")
    expect(page.get_by_text("No address found. No address has \u201czanzibarqua\u201d").first).to_be_attached()
    box(page).fill("")
    box(page).press_sequentially(f"9 {STREET} atlantiswyx ")
    expect(page.get_by_role("status").filter(has_text="No address here has \u201catlantiswyx\u201d")).to_be_visible()
    citizen.check("picker with a word that no address has")


@pytest.mark.parametrize("typed", ["NW1-8AB", "nw1.8ab"])
def test_without_javascript_a_postcode_may_have_a_hyphen_or_a_full_stop(at_the_question, typed):
    citizen = at_the_question(javascript=False)
    citizen.page.get_by_label("Postcode", exact=True).fill(typed)
    citizen.page.get_by_label("Building number").fill("9")
    citizen.go_on("addresses of a postcode with a sign in it", button="Find address")
    expect(citizen.page.get_by_role("radio")).to_have_count(3)


def test_a_street_and_a_divided_building_lead_to_their_addresses_and_are_none_themselves(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    box(page).press_sequentially("winterfield close")
    street = options(page).filter(has_text=re.compile(r"– street$"))
    expect(street).to_have_text(f"{STREET}, London – street")
    street.click()
    expect(box(page)).to_have_value(f"{STREET}, London ")
    expect(street).to_have_count(0)
    shell = options(page).filter(has_text=f"{SHELL} – divided into flats")
    expect(shell).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="This is not a whole address")).to_be_visible()
    citizen.check("picker with a divided building")
    shell.click()
    expect(shell).to_have_count(0)
    for flat in FLATS:
        expect(options(page).filter(has_text=flat)).to_have_count(1)
    assert page.locator("[name=uprn]").input_value() == ""
    options(page).filter(has_text=FLATS[2]).click()
    page.get_by_role("button", name="Find address").click()
    expect(heading(page)).to_have_text("What is your name?")
    check_answer(citizen, FLATS[2])


def test_a_text_changed_after_choosing_is_searched_for_and_not_taken(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    box(page).press_sequentially("flat a 9 winterfield")
    options(page).first.click()
    assert page.locator("[name=uprn]").input_value() != ""
    box(page).fill(f"11 {STREET}, {POSTCODE}")
    assert page.locator("[name=uprn]").input_value() == ""
    page.get_by_role("button", name="Find address").click()
    expect(heading(page)).to_have_text("Select your new address")
    expect(page.get_by_role("radio")).to_have_count(2)
    citizen.check("addresses narrowed to a building")


def test_only_the_last_text_is_asked_for_and_a_late_answer_to_an_earlier_one_is_not_shown(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split("q=")[1]) if "suggestions?q=" in request.url else None)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.url.endswith("q=E8+1EA"):
            held.append(route)
        else:
            route.continue_()

    page.route("**/suggestions?*", hold)
    box(page).press_sequentially("E8 1EA")
    eventually(lambda: page.wait_for_timeout(50) or held)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("q=E8+1EA")):
        box(page).fill("")
        box(page).press_sequentially(POSTCODE)
    expect(options(page).filter(has_text=STREET)).not_to_have_count(0)
    expect(options(page).filter(has_text="E8 1EA")).to_have_count(0)
    assert asked == ["E8+1EA", "NW1+8AB"], "one request a pause in typing"
    box(page).press("End")
    box(page).press("Backspace")
    box(page).press("B")
    expect(options(page).filter(has_text=STREET)).not_to_have_count(0)
    assert asked.count("NW1+8AB") == 1, "what is known is not asked for again"


def test_an_answer_that_nobody_waits_for_any_more_opens_nothing(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    held: list[Route] = []
    page.route("**/suggestions?*", lambda route: held.append(route))  # noqa: PLW0108 (Playwright marks its handlers)
    for leave in (lambda: box(page).fill("wi"), lambda: page.keyboard.press("Tab")):
        held.clear()
        box(page).fill("winterfield")
        eventually(lambda: page.wait_for_timeout(50) or held)
        with page.expect_event("requestfailed", lambda request: "suggestions" in request.url):
            leave()
        expect(page.get_by_role("listbox")).to_be_hidden()
    page.unroute_all(behavior="ignoreErrors")
    box(page).focus()
    expect(options(page).filter(has_text=STREET)).not_to_have_count(0)


def test_while_suggestions_cannot_be_had_the_postcode_leads_on(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    held: list[Route] = []
    failures: list[Callable[[Route], None]] = [
        lambda route: route.abort("internetdisconnected"),
        lambda route: route.fulfill(status=503, headers={"Retry-After": "60"}, body="{}"),
        lambda route: route.fulfill(status=401, body="{}"),
        lambda route: held.append(route),  # noqa: PLW0108 (Playwright marks its handlers, which a builtin does not let it)
    ]
    for fail in failures:
        page.unroute_all(behavior="ignoreErrors")
        page.route("**/suggestions?*", fail)
        page.reload()
        box(page).press_sequentially("winterfield")
        expect(page.get_by_role("status").filter(has_text="Suggestions are not available")).to_be_visible()
        expect(box(page)).to_be_focused()
        expect(page.get_by_label("Postcode", exact=True)).to_be_visible()
    citizen.check("picker without suggestions")
    page.get_by_label("Postcode", exact=True).fill(POSTCODE)
    page.get_by_label("Building number").fill("9")
    page.get_by_role("button", name="Find address").click()
    expect(page.get_by_role("radio")).to_have_count(3)


def test_a_text_that_is_sent_without_choosing_leads_on_or_says_what_is_missing(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    page.get_by_role("button", name="Find address").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter an address or a postcode")
    citizen.check("picker with an error")
    page.get_by_role("alert").get_by_role("link").click()
    expect(box(page)).to_be_focused()
    page.keyboard.type("qxzv wkjq")
    page.get_by_role("button", name="Find address").click()
    expect(page.get_by_role("alert")).to_contain_text("We cannot find this address")
    expect(box(page)).to_have_value("qxzv wkjq")
    citizen.check("picker with an address not found")
    box(page).fill(f"9 {STREET}")
    page.get_by_role("button", name="Find address").click()
    expect(heading(page)).to_have_text("Select your new address")
    citizen.check("addresses like a text")
    page.get_by_role("radio", name=FLATS[0]).check()
    citizen.go_on("old address asked")
    check_answer(citizen, FLATS[0])


def test_the_postcode_can_be_used_instead_of_the_box_and_its_errors_are_seen(at_the_question):
    citizen = at_the_question()
    page = citizen.page
    page.get_by_role("button", name="Search by postcode instead").click()
    expect(page.get_by_label("Postcode", exact=True)).to_be_focused()
    expect(box(page)).to_be_hidden()
    citizen.check("postcode instead of the picker")
    page.get_by_label("Postcode", exact=True).fill("NW1")
    page.get_by_role("button", name="Find address").click()
    citizen.check("postcode with an error")
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.get_by_label("Postcode", exact=True)).to_be_focused()
    page.get_by_role("button", name="Type the address instead").click()
    expect(box(page)).to_be_focused()
    expect(page.get_by_label("Postcode", exact=True)).to_be_hidden()


def test_without_javascript_a_postcode_and_a_building_find_the_address(at_the_question):
    citizen = at_the_question(javascript=False)
    page = citizen.page
    citizen.check("picker at first")
    expect(page.get_by_text("Start typing")).to_be_hidden()
    page.get_by_label("Postcode", exact=True).fill("nw18ab")
    page.get_by_label("Building number").fill("14 nowhere")
    citizen.go_on("addresses of no such building", button="Find address")
    expect(page.locator("main")).to_contain_text("No address at NW1 8AB has “14 nowhere”")
    page.get_by_role("link", name="Search again").click()
    expect(page.get_by_label("Building number")).to_have_value("14 nowhere")
    page.get_by_label("Building number").fill("9")
    citizen.go_on("addresses of a building", button="Find address")
    citizen.go_on("address not chosen")
    expect(page.get_by_role("alert")).to_contain_text("Select your address")
    page.get_by_role("link", name="I cannot find my address in the list").click()
    expect(heading(page)).to_have_text("Enter your new address")
    citizen.check("address by hand")


@pytest.mark.parametrize("scale", [1, 2], ids=["a narrow screen", "text at 200%"])
def test_nothing_is_cut_off(at_the_question, scale):
    """WCAG 2.2: 1.4.10 at 320 CSS pixels, and 1.4.4 as 200% of zoom on 1280 pixels."""
    size = {"width": 320, "height": 640} if scale == 1 else {"width": 640, "height": 512}
    citizen = at_the_question(viewport=size, device_scale_factor=scale)
    page = citizen.page
    box(page).press_sequentially("winterfield clo")
    expect(options(page).filter(has_text=STREET).nth(4)).to_be_attached()
    citizen.check(f"picker at {size['width']} pixels")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    menu = page.get_by_role("listbox")
    assert menu.evaluate("element => element.scrollWidth <= element.clientWidth")
    box(page).fill(POSTCODE)
    box(page).press("Escape")
    citizen.go_on(f"addresses at {size['width']} pixels", button="Find address")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
