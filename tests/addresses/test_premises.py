"""One property by its UPRN: other addresses, history, days in the past, split postcodes, and the check of a claimed address."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.addresses.domain.addressbase.history import as_at
from services.addresses.domain.addressbase.records import DeliveryPoint
from services.addresses.service import build
from services.addresses.settings import Settings
from tests.support.service_runner import RunningService

from .villa import GONE, HOUSE


@pytest.fixture
async def switched(serve, settings, two_releases) -> AsyncIterator[RunningService]:
    """The service, which switched from the one to the other on 1 March 2026."""
    directory, earlier, later = two_releases
    service = build(settings(Settings, data_dir=directory))
    async with serve(service) as served:
        await service.store.releases.insert(earlier, content_hash="", counts={}, published_at=datetime(2026, 1, 1, tzinfo=UTC))
        await service.store.change_sets.begin("1", before=earlier, after=later, at=datetime(2026, 3, 1, 9, tzinfo=UTC))
        yield served


@pytest.fixture
def ask(switched, reader):
    """The answer about a UPRN."""

    async def get(uprn: int, **params: str) -> Any:
        reply = await switched.http.get(f"/v1/addresses/{uprn}", params=params, headers=reader)
        assert reply.status_code == 200, reply.text
        return reply.json()

    return get


async def test_a_house_tells_what_else_it_is_and_was_called(ask, two_releases):
    house = await ask(100)
    assert (house["address"], house["status"], house["release"]) == ("12 Quillfen Street, London, E8 1AB", "approved", two_releases[2])
    others = [(other["address"], other["status"], other["language"], other["start_date"]) for other in house["alternatives"]]
    assert others == [
        ("12 Stryd Quillfen, Llundain, E8 1AB", "approved", "CYM", "2015-04-01"),
        ("Rose Cottage, Quillfen Street, London, E8 1AB", "alternative", "ENG", "2018-01-01"),
    ]
    (former,) = house["history"]["addresses"]
    assert (former["address"], former["status"], former["end_date"]) == ("3 Old Lane, London, E8 1AB", "historical", "2015-04-01")
    assert (former["usrn"], former["lpi_key"]) == ("2", "5360L000000002")


async def test_a_historical_uprn_names_those_that_replaced_it_and_they_name_it(ask):
    villa = await ask(200)
    assert (villa["status"], villa["end_date"], villa["replaced_by"]) == ("historical", "2020-01-01", ["201", "202"])
    flat = await ask(201)
    assert (flat["history"]["predecessors"], flat["replaced_by"], flat["status"]) == (["200"], [], "approved")


async def test_a_postcode_in_two_boroughs_is_warned_of_with_both_codes(ask):
    house, flat = await ask(100), await ask(201)
    (warning,) = house["warnings"]
    assert warning["type"] == "split-postcode"
    assert "E8 1AB" in warning["message"]
    assert warning["boroughs"] == house["postcode_boroughs"] == ["E09000012", "E09000033"]
    assert (flat["warnings"], flat["postcode_boroughs"]) == ([], ["E09000012"])


DAYS = [
    ("2026-04-01", "12 Quillfen Street, London, E8 1AB", 2, 1),
    ("2016-01-01", "12 Quillfen Street, London, E8 1AB", 1, 1),
    ("2015-04-01", "12 Quillfen Street, London, E8 1AB", 1, 1),
    ("2015-03-31", "3 Old Lane, London, E8 1AB", 0, 0),
    ("2000-01-01", "3 Old Lane, London, E8 1AB", 0, 0),
]


async def test_a_house_has_on_each_day_the_address_that_was_in_force(ask):
    for day, address, alternatives, former in DAYS:
        house = await ask(100, as_at=day)
        assert house["address"] == address
        assert (len(house["alternatives"]), len(house["history"]["addresses"])) == (alternatives, former)
        assert house["parts"]["street"] in address


async def test_a_day_is_answered_from_the_release_that_was_live_then(ask, switched, reader, two_releases):
    _, earlier, later = two_releases
    assert (await ask(400, as_at="2026-02-28"))["release"] == earlier
    assert (await ask(200, as_at="2026-02-28"))["status"] == "approved"
    assert (await ask(100, as_at="2026-03-01"))["release"] == later
    assert (await switched.http.get("/v1/addresses/400", headers=reader)).status_code == 404
    assert (await ask(100, as_at="2025-12-31"))["release"] == later, "no release was live yet: the one that is live now tells"


NOT_THERE = [
    (100, "1999-12-31", "query.as_at"),
    (200, "2026-03-02", "query.as_at"),
    (201, "2019-12-31", "query.as_at"),
    (400, "2026-03-02", "path.uprn"),
    (201, "2026-02-01", "path.uprn"),
]


async def test_what_was_not_there_on_a_day_is_404_that_names_the_field(switched, reader):
    for uprn, day, field in NOT_THERE:
        reply = await switched.http.get(f"/v1/addresses/{uprn}", params={"as_at": day}, headers=reader)
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (404, field)


async def test_a_day_that_is_none_or_is_to_come_is_400(switched, reader):
    for day in ("2999-01-01", "31/12/2020", "2020-02-30", "soon"):
        reply = await switched.http.get("/v1/addresses/100", params={"as_at": day}, headers=reader)
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (400, "query.as_at"), day


async def test_a_release_that_is_no_longer_kept_is_answered_for_by_the_live_one(serve, settings, reader, two_releases):
    directory, _, later = two_releases
    service = build(settings(Settings, data_dir=directory))
    async with serve(service) as served:
        await service.store.change_sets.begin("1", before="a", after="2020-swept-away", at=datetime(2026, 1, 1, tzinfo=UTC))
        reply = await served.http.get("/v1/addresses/100", params={"as_at": "2026-02-01"}, headers=reader)
    assert (reply.status_code, reply.json()["release"]) == (200, later)


def test_what_has_no_dates_has_always_been():
    undated = replace(GONE, delivery_point=DeliveryPoint(1, "E8 1AD", "LONDON"))
    assert as_at(undated, date(1066, 10, 14)) == undated


def test_before_its_first_address_a_property_has_none():
    assert as_at(replace(HOUSE, start_date=None), date(1999, 1, 1)) is None


# ------------------------------------------------------------ a claimed address


@pytest.fixture
def check(switched, reader):
    """The answer about a claim."""

    async def post(uprn: int, address: str, postcode: str | None = None) -> Any:
        claim = {"address": address, "postcode": postcode}
        reply = await switched.http.post(f"/v1/addresses/{uprn}/check", json=claim, headers=reader)
        assert reply.status_code == 200, reply.text
        return reply.json()

    return post


async def test_a_claimed_address_is_checked_against_a_uprn(check):
    right = await check(100, "12 quilfen street", "E8 1AB")
    assert (right["uprn"], right["decision"]) == ("100", "match")
    assert right["tokens"]["corrected"] == {"quilfen": "quillfen"}
    wrong = await check(300, "12 Quillfen Street", "E8 1AB")
    assert wrong["decision"] != "match"
    assert wrong["confidence"] < 0.3 < right["confidence"]
    assert "12" in wrong["tokens"]["missing"]
    assert (await check(100, "Somewhere Else Entirely, Paris"))["decision"] == "none"
    assert (await check(100, "?"))["confidence"] == 0.0


async def test_checking_gives_the_confidence_that_matching_gives(running, reader, gazetteer):
    found = (await running.http.get("/v1/addresses/search", params={"q": "E8 1AB"}, headers=reader)).json()["results"][0]
    claim = {"address": found["address"]}
    matched = (await running.http.post("/v1/addresses/match", json=claim, headers=reader)).json()["matches"]
    assert matched[0]["uprn"] == found["uprn"]
    for candidate in matched:
        checked = (await running.http.post(f"/v1/addresses/{candidate['uprn']}/check", json=claim, headers=reader)).json()
        assert checked["confidence"] == candidate["confidence"]
    neighbour = next(uprn for uprn in gazetteer.at_postcode("E8 1AB") if str(uprn) not in {each["uprn"] for each in matched})
    checked = (await running.http.post(f"/v1/addresses/{neighbour}/check", json=claim, headers=reader)).json()
    assert checked["decision"] == "none"


WRONG_CLAIMS = [
    ("1", {"address": "x"}, 404, "path.uprn"),
    ("x", {"address": "x"}, 400, "path.uprn"),
    ("100", {"address": ""}, 400, "body.address"),
    ("100", {}, 400, "body.address"),
    ("100", {"address": "x" * 1_001}, 400, "body.address"),
    ("100", {"address": "x", "name": "Ada"}, 400, "body.name"),
]


async def test_a_wrong_claim_names_the_field(switched, reader):
    for uprn, body, status, field in WRONG_CLAIMS:
        reply = await switched.http.post(f"/v1/addresses/{uprn}/check", json=body, headers=reader)
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (status, field)
