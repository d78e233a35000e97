"""Finding an address without a browser: every branch of the search, answers to the script, and untrusted input."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from examples.move_home.adapters import addresses as adapter
from examples.move_home.domain.answers import Search
from examples.move_home.domain.choices import Found

from .addresses_block import HACKNEY, ISLINGTON, AddressesBlock, addresses_block, premises
from .conftest import App, Browser

HOUSE = premises(101, "1 Wobble Lane, London", "N16 5TT")
SHELL = premises(110, "3 Wobble Lane, London", "N16 5TT", "shell")
FLATS = [premises(111 + number, f"Flat {letter}, 3 Wobble Lane, London", "N16 5TT") for number, letter in enumerate("AB")]
STREET = premises(0, "Wobble Lane, London", "", "street") | {"address": "Wobble Lane, London"}
EMPTY = premises(0, "", "BR1 1AA", "postcode")
ACROSS = [
    premises(120 + number, f"{number} Border Road, London", "N1 4AA", "premises", borough, HACKNEY, ISLINGTON)
    for number, borough in ((1, HACKNEY), (2, ISLINGTON))
]
NOBODY = premises(0, "", "N1 9ZZ", "postcode", HACKNEY, HACKNEY, ISLINGTON)
MANY = [premises(1000 + number, f"{number} Endless Row, London", "E8 4RU") for number in range(1, 141)]
FAILURES: list[Response] = [Response(status_code=503), Response(status_code=429, headers={"Retry-After": "7"}), Response(status_code=404)]


@dataclass
class Started:
    """The app, the addresses block, and a citizen's browser."""

    app: App
    block: AddressesBlock
    browser: Browser

    async def search(self, **fields: str) -> httpx.Response:
        """Submit the question's form and return the next page."""
        return await self.browser.send("/move/new/postcode", fields)

    async def choose(self, uprn: str) -> httpx.Response:
        """Submit a choice from an earlier page."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', (await self.browser.get("/move/name")).text)
        assert token
        fields = {"csrf_token": token[1], "uprn": uprn}
        return await self.browser.http.post("/move/new/address", data=fields, follow_redirects=True)

    async def suggest(self, typed: str) -> httpx.Response:
        """Request suggestions as the page's script does."""
        return await self.browser.http.get("/move/new/suggestions", params={"q": typed})

    async def answer(self) -> str:
        """Return the stored address that the question shows."""
        page = await self.browser.get("/move/new/postcode")
        found = re.search(r'data-text="([^"]*)"', page.text)
        assert found, page.text
        return found[1]


@pytest.fixture
async def started(start_app) -> AsyncIterator[Started]:
    """Start the app with the block, and a citizen who has given a name."""
    async with (
        addresses_block(HOUSE, SHELL, *FLATS, STREET, EMPTY, *ACROSS, NOBODY, *MANY) as block,
        start_app(addresses_url=block.url, issuer=block.url) as app,
    ):
        browser = await app.browser()
        await browser.send("/move/name", {"given_name": "Ada", "family_name": "Lovelace"})
        yield Started(app, block, browser)


def offered(page: httpx.Response) -> list[str]:
    """Return the UPRNs of the radios or of the select."""
    return re.findall(r'<input[^>]*name="uprn" type="radio" value="(\d+)"', page.text) or re.findall(r'<option value="(\d+)"', page.text)


def error(page: httpx.Response, field: str) -> str:
    """Return the error summary's text for the field with that id."""
    assert page.status_code == 400, page.text
    found = re.search(rf'<a href="#{field}">([^<]*)</a>', page.text)
    assert found, page.text
    assert f'id="{field}"' in page.text or f'data-id="{field}"' in page.text
    return found[1]


async def test_a_postcode_offers_its_addresses_and_no_shell(started):
    page = await started.search(postcode="n165tt")
    assert offered(page) == ["101", "111", "112"]
    assert "3 addresses at N16 5TT" in page.text
    assert "I cannot find my address in the list" in page.text
    page = await started.choose("112")
    assert "What is your old address?" in page.text
    assert await started.answer() == "Flat B, 3 Wobble Lane, London, N16 5TT"


async def test_a_building_narrows_the_choice_and_one_that_is_not_there_hides_nothing(started):
    for building, uprns in (("3", ["111", "112"]), ("flat b 3", ["112"]), ("1 WOBBLE", ["101"])):
        assert offered(await started.search(postcode="N16 5TT", building=building)) == uprns
    page = await started.search(postcode="N16 5TT", building="99")
    assert offered(page) == ["101", "111", "112"]
    assert "No address at N16 5TT has “99”" in page.text


async def test_of_more_than_a_hundred_a_building_is_wanted_and_then_only_its_addresses_come(started):
    page = await started.search(postcode="E8 4RU")
    assert "E8 4RU has more than 100 addresses" in error(page, "building")
    assert 'value="E8 4RU"' in page.text
    page = await started.search(postcode="E8 4RU", building="137")
    assert offered(page) == ["1137"]
    assert "There are more addresses" not in page.text
    page = await started.search(postcode="E8 4RU", building="Endless Row")
    assert len(offered(page)) == 100
    assert "There are more addresses than these" in page.text
    page = await started.search(postcode="BR1 1AA")
    assert "We know no addresses at BR1 1AA" in page.text
    assert 'value="BR1 1AA"' in page.text


async def test_a_postcode_of_two_councils_says_so_and_whose_each_address_is(started):
    page = await started.search(postcode="N1 4AA")
    assert offered(page) == ["121", "122"]
    assert "N1 4AA is in the area of more than one council: Hackney and Islington." in page.text
    assert re.findall(r'radios__hint">\s*([^<]*?)\s*<', page.text) == ["Hackney Council", "Islington Council"]
    await started.choose("122")
    assert (await started.answer()) == ACROSS[1]["address"]
    page = await started.search(postcode="N16 5TT")
    assert "more than one council" not in page.text
    assert "radios__hint" not in page.text
    notes = {one["text"]: one["note"] for one in (await started.suggest("N1 4AA")).json()["suggestions"]}
    assert notes == {ACROSS[0]["address"]: "Hackney Council", ACROSS[1]["address"]: "Islington Council"}
    notes = {one["text"]: one["note"] for one in (await started.suggest("N1 9Z")).json()["suggestions"]}
    assert notes["N1 9ZZ"] == "postcode in Hackney and Islington"


async def test_by_hand_the_council_is_asked_for_only_where_the_postcode_has_several(started):
    typed = {"line1": "The Annexe", "town": "London", "postcode": "n19zz"}
    page = await started.browser.send("/move/new/by-hand", typed)
    assert error(page, "council") == "Select the council of this address"
    assert "N1 9ZZ is in the area of more than one council" in page.text
    assert re.findall(r'<option value="(E\d+)"', page.text) == [HACKNEY, ISLINGTON]
    page = await started.browser.send("/move/new/by-hand", typed | {"council": "E09000007"})
    assert error(page, "council") == "Select the council of this address"
    page = await started.browser.send("/move/new/by-hand", typed | {"council": ISLINGTON})
    assert "What is your old address?" in page.text
    page = await started.browser.send("/move/old/by-hand", typed | {"postcode": "N16 5TT"})
    assert "council of this address" not in page.text
    page = await started.browser.send("/move/old/by-hand", typed | {"postcode": "M1 1AE"})
    assert "council of this address" not in page.text


async def test_while_addresses_cannot_be_looked_up_the_question_leads_to_writing_by_hand(started):
    wanted = ({"postcode": "N16 5TT"}, {"address": "1 Wobble Lane", "uprn": "101"})
    for started.block.fails_with, fields in product(FAILURES, wanted):
        page = await started.search(**fields)
        assert "We cannot look up addresses at the moment" in page.text
        assert "Address line 1" in page.text
    page = await started.choose("101")
    assert "We cannot look up addresses at the moment" in page.text


async def test_a_chosen_suggestion_is_the_answer_as_the_gazetteer_has_it(started):
    page = await started.search(address=HOUSE["address"], uprn="101")
    assert "What is your old address?" in page.text
    assert await started.answer() == "1 Wobble Lane, London, N16 5TT"


FORGED = [
    (HOUSE["address"], "999999999999"),  # no such property
    (HOUSE["address"], "112"),  # another's
    ("1 Wobble Lane, Paradise, N16 5TT", "101"),  # another text
    (SHELL["address"], "110"),  # a shell
    (STREET["address"], "101"),
    (HOUSE["address"], "101 OR 1=1"),
    (HOUSE["address"], "\U0001f600"),
    (HOUSE["address"], "1" * 10_000),
]


async def test_a_forged_choice_is_no_choice_and_its_text_is_searched_for(started):
    for text, uprn in FORGED:
        page = await started.search(address=text, uprn=uprn)
        assert "Select your new address" in page.text, (text, uprn)
        assert offered(page)
    assert 'name="uprn" value=""' in (await started.browser.get("/move/new/postcode")).text
    assert "What is your new address?" in (await started.browser.get("/move")).text, "nothing is answered"
    assert error(await started.choose("1137"), "uprn") == "Select your address, or enter it by hand"
    # a form without the script's box carries the earlier hidden choice; the new search text counts
    page = await started.search(postcode="E8 4RU", building="12", uprn="101")
    assert offered(page) == ["1012"]


async def test_a_text_without_a_choice_offers_what_it_may_mean_or_what_is_at_its_postcode(started):
    page = await started.search(address="flat a wobble")
    assert offered(page)[0] == "111"
    assert "like “flat a wobble”" in page.text
    page = await started.choose("111")
    assert await started.answer() == FLATS[0]["address"]
    assert offered(await started.search(address="3 wobble lane n165tt")) == ["111", "112"]
    assert offered(await started.search(address="N16 5TT")) == ["101", "111", "112"]
    assert "101" in offered(await started.search(address="1 wobble lane, br1 1aa"))


async def test_a_text_that_leads_nowhere_or_only_nearer_is_asked_for_again(started):
    started.block.held = [STREET, EMPTY]
    assert error(await started.search(address="wobble lane"), "address").startswith("Enter more of the address")
    page = await started.search(address="qxzv")
    assert error(page, "address").startswith("We cannot find this address")
    assert 'data-text="qxzv"' in page.text


@pytest.mark.parametrize("typed", ["BR1 1AA", "br11aa", "BR1-1AA", "1 nowhere, BR1 1AA"])
async def test_a_postcode_in_the_box_at_which_nothing_is_known_says_so_and_leads_to_writing_by_hand(started, typed):
    started.block.held = [EMPTY]
    page = await started.search(address=typed)
    assert "We know no addresses at BR1 1AA" in page.text
    assert "Address line 1" in page.text
    assert 'value="BR1 1AA"' in page.text


@pytest.mark.parametrize("typed", ["N16-5TT", "N16.5TT", "n165tt.", "N16\u00a05TT", "N16 - 5TT", "N16\u20115TT"])
async def test_a_postcode_is_read_with_what_people_write_within_it(started, typed):
    assert offered(await started.search(postcode=typed)) == ["101", "111", "112"]
    assert offered(await started.search(address=f"3 Wobble Lane, {typed}")) == ["111", "112"]
    page = await started.browser.send("/move/new/by-hand", {"line1": "The Annexe", "town": "London", "postcode": typed})
    assert "What is your old address?" in page.text


async def test_words_that_no_address_has_are_named(started):
    started.block.unmatched = ["atlantis", "mare"]
    page = await started.search(address="1 wobble lane mare atlantis")
    assert "No address here has \u201catlantis\u201d or \u201cmare\u201d." in page.text
    assert offered(page)
    assert (await started.suggest("1 wobble lane mare atlantis")).json()["unmatched"] == ["atlantis", "mare"]
    started.block.held, started.block.unmatched = [], ["mare"]
    page = await started.search(address="10 mare street")
    assert "We cannot find this address. No address has \u201cmare\u201d." in error(page, "address")
    assert "Enter the address by hand" in page.text
    started.block.held = [STREET]
    page = await started.search(address="wobble lane mare")
    assert error(page, "address").startswith("No address has \u201cmare\u201d. Enter more of the address")


WRONG: list[tuple[dict[str, str], str, str]] = [
    ({}, "postcode", "Enter a postcode"),
    ({"address": "", "postcode": ""}, "address", "Enter an address or a postcode"),
    ({"address": "a" * 10_000}, "address", "Address must be 200"),
    ({"address": "1 Wobble\u0000Lane"}, "address", "Address must be 200"),
    ({"postcode": "\U0001f600" * 1_000}, "postcode", "Enter a full UK postcode"),
    ({"postcode": "N16 5TT", "building": "b" * 10_000}, "building", "Building number or name must be 100"),
]


async def test_what_cannot_be_searched_for_is_named_and_nobody_is_asked(started):
    for fields, field, message in WRONG:
        assert message in error(await started.search(**fields), field)
    assert started.block.asked == []


async def test_signs_of_any_kind_are_searched_for_like_words(started):
    for text in ("\U0001f600 \U0001f3e0", "'; DROP TABLE addresses; --", '"><script>alert(1)</script>', "%00%ff{{7*7}}"):
        page = await started.search(address=text)
        assert error(page, "address").startswith("We cannot find this address")
        assert "<script>alert" not in page.text
        assert (await started.suggest(text)).json() == {"suggestions": [], "unmatched": []}
    assert (await started.search(postcode="N16 5TT", building="\U0001f600")).status_code == 200


async def test_a_script_is_told_ten_addresses_and_what_leads_to_them_for_up_to_200_characters(started):
    answer = await started.suggest("wobble lane")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    offered_values = {one["text"]: (one["value"], one["note"]) for one in answer.json()["suggestions"]}
    assert offered_values[HOUSE["address"]] == ("101", None)
    assert offered_values[SHELL["address"]] == (None, "divided into flats")
    assert offered_values[STREET["address"]] == (None, "street")
    told_again = [one["text"] for one in (await started.suggest(f" {STREET['address']} ")).json()["suggestions"]]
    assert STREET["address"] not in told_again, "what has been chosen to go on from is not offered again"
    assert HOUSE["address"] in told_again
    assert len((await started.suggest("endless row")).json()["suggestions"]) == 10
    assert (await started.suggest("endless " * 25)).status_code == 200
    started.block.asked.clear()
    assert (await started.suggest("x" * 10_000)).status_code == 400
    assert (await started.suggest("   ")).json() == {"suggestions": [], "unmatched": []}
    assert started.block.asked == []


async def test_a_script_of_somebody_who_is_not_a_citizen_signed_in_is_told_nothing(started):
    staff = await started.app.browser("staff-1", borough="E09000012")
    for http in (started.app.running.http, staff.http):
        answer = await http.get("/move/new/suggestions", params={"q": "wobble"})
        assert answer.status_code == 401
        assert "location" not in answer.headers
    assert (await started.browser.http.get("/move/other/suggestions", params={"q": "wobble"})).status_code == 400
    assert started.block.asked == []


async def test_a_script_is_told_when_to_ask_again_also_when_no_answer_comes_in_time(started, monkeypatch):
    started.block.fails_with = FAILURES[1]
    answer = await started.suggest("wobble")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    for failure in (Response(status_code=503), Response(status_code=404)):
        started.block.fails_with = failure
        answer = await started.suggest("wobble")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert "wobble" not in answer.text
    started.block.fails_with = None
    monkeypatch.setattr(adapter, "WHILE_TYPING", httpx.Timeout(0.2))
    started.block.waits = asyncio.Event()
    assert (await started.suggest("wobble")).status_code == 503


async def test_nothing_that_is_typed_is_logged_or_stored_in_the_clear(started, caplog):
    caplog.set_level(logging.INFO)
    await started.suggest("Flibbertigibbet Avenue")
    await started.search(address="Flibbertigibbet Wobble")
    started.block.fails_with = FAILURES[0]
    await started.suggest("Flibbertigibbet Avenue")
    started.block.fails_with = JSONResponse({"results": "not what was agreed"})
    assert (await started.suggest("Flibbertigibbet Avenue")).status_code == 500
    own = [record for record in caplog.records if record.name.split(".")[0] in {"examples", "shared"}]
    assert own, "the last failure is logged"
    assert "flibber" not in "".join(f"{record.getMessage()} {record.exc_text}" for record in own).casefold()
    stored: list[Any] = await started.app.store.collection("sessions").find({})
    assert stored
    assert "Flibber" not in repr(stored)
    assert "Flibbertigibbet" in json.dumps(started.block.asked)


def test_an_address_that_is_no_london_boroughs_has_none_that_could_be_told():
    outside = Found("premises", "1", "1 High Street, Watford, WD17 1AA", "WD17 1AA", "E07000103")
    assert outside.address.borough is None
    assert str(outside.address) == outside.line


@pytest.mark.parametrize(
    ("typed", "search"),
    [
        ("1 Wobble Lane, London, N16 5TT", Search(postcode="N16 5TT", text="1 Wobble Lane, London")),
        ("n165tt 1 wobble lane", Search(postcode="N16 5TT", text="1 wobble lane")),
        ("EC2A2AW", Search(postcode="EC2A 2AW")),
        ("Flat 2, 14 Wobble Lane", Search(text="Flat 2, 14 Wobble Lane")),
        ("N16 5T", Search(text="N16 5T")),
    ],
)
def test_a_postcode_in_a_text_is_known(typed, search):
    assert Search.of_text(typed) == search
