"""Provisional addresses: kept as typed, a borough's own, reconciled once when a release holds them, told without an address."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.addresses.domain.casework.provisional import Provisional
from services.addresses.gazetteer.releases.local import activate
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.settings import Settings
from services.addresses.store import Store
from services.addresses.workers.reconcile import Reconciler
from shared.clock import now
from tests.support.published_events import Published, published

PROVISIONAL = "/v1/addresses/provisional"
FLAT = {"address": "Flat 1, 14 quillfen street", "postcode": "e81ad", "lines": ["Flat 1", "14 quillfen street"], "note": "plot 7"}
RECONCILED = "london.blocks.addresses.provisional.reconciled.v1"


@pytest.fixture
def keeper(tokens) -> Any:
    """Headers of a system of Hackney's that keeps addresses, and of its officers."""
    return tokens.bearer("addresses:provisional:write addresses:provisional:read addresses:provisional:decide")


@pytest.fixture
def elsewhere(tokens) -> Any:
    scopes = "addresses:provisional:write addresses:provisional:read addresses:provisional:decide"
    return tokens.bearer(scopes, borough="E09000007")


async def keep(http, headers, **over) -> Any:
    reply = await http.post(PROVISIONAL, json=FLAT | over, headers=headers)
    assert reply.status_code == 201, reply.text
    assert reply.headers["location"] == f"{PROVISIONAL}/{reply.json()['id']}"
    return reply.json()


async def shown(http, headers, id_: str) -> Any:
    return (await http.get(f"{PROVISIONAL}/{id_}", headers=headers)).raise_for_status().json()


def reconciliations(events: list[Published]) -> list[dict[str, Any]]:
    return [event.payload | {"borough": event.about.borough} for event in events if event.about.type == RECONCILED]


def switch_to_later(service, two_releases) -> Any:
    activate(service.settings.data_dir, two_releases[2])
    return two_releases[2]


async def test_an_address_is_kept_as_typed_and_reconciled_when_a_release_holds_it(before_the_division, keeper, two_releases, eventually):
    http, service = before_the_division.http, before_the_division.service
    kept = await keep(http, keeper)
    assert (kept["address"], kept["postcode"], kept["lines"], kept["note"]) == (FLAT["address"], "E8 1AD", FLAT["lines"], "plot 7")

    async def looked_for() -> Any:
        return await service.store.collection("provisional").count({"tried": two_releases[1]}) == 1

    await eventually(looked_for)
    assert (await shown(http, keeper, kept["id"]))["state"] == "waiting"
    later = switch_to_later(service, two_releases)

    async def reconciled() -> Any:
        found = await shown(http, keeper, kept["id"])
        return found if found["state"] == "reconciled" else False

    found = await eventually(reconciled, seconds=20)
    assert (found["uprn"], found["release"], found["address"]) == ("201", later, FLAT["address"])
    assert found["confidence"] > 0.8

    events = await published(service)
    (event,) = reconciliations(events)
    assert (event["provisional"], event["uprn"], event["confidence"], event["borough"]) == (
        *(kept["id"], "201", found["confidence"]),
        "E09000012",
    )
    assert all(b"quillfen" not in each.value.lower() and "quillfen" not in each.key.lower() for each in events)


async def test_an_address_that_the_release_holds_already_is_reconciled_at_once(before_the_division, keeper, eventually):
    http = before_the_division.http
    kept = await keep(http, keeper, address="12 Quillfen Street", postcode="E8 1AB")

    async def reconciled() -> Any:
        return (await shown(http, keeper, kept["id"]))["uprn"] == "100"

    await eventually(reconciled)


async def test_an_officer_says_which_uprn_it_is_and_may_correct_it(before_the_division, keeper):
    http, service = before_the_division.http, before_the_division.service
    kept = await keep(http, keeper, address="The Annexe behind")
    path = f"{PROVISIONAL}/{kept['id']}/reconcile"
    for uprn in ("000000000400", "400", "200"):
        found = (await http.post(path, json={"uprn": uprn}, headers=keeper)).raise_for_status().json()
        assert (found["state"], found["uprn"], found["confidence"]) == ("reconciled", str(int(uprn)), None)
    wrong = await http.post(path, json={"uprn": "77"}, headers=keeper)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "body.uprn")

    reported = reconciliations(await published(service))
    assert [(event["uprn"], event["sequence"]) for event in reported] == [("400", 2), ("200", 3)]


async def test_a_withdrawn_address_is_erased_and_no_longer_looked_for(before_the_division, keeper, two_releases):
    http, service = before_the_division.http, before_the_division.service
    kept = await keep(http, keeper)
    for _ in range(2):
        found = (await http.post(f"{PROVISIONAL}/{kept['id']}/withdraw", headers=keeper)).raise_for_status().json()
        assert (found["state"], found["address"], found["lines"], found["note"], found["postcode"]) == ("withdrawn", "", [], "", "")
    assert "quillfen" not in str(await service.store.collection("provisional").find({})).lower()
    late = await http.post(f"{PROVISIONAL}/{kept['id']}/reconcile", json={"uprn": "200"}, headers=keeper)
    assert (late.status_code, late.json()["type"].rsplit("/", 1)[-1]) == (409, "withdrawn")
    assert await service.store.provisional.untried(two_releases[2]) == []


async def test_a_list_is_a_boroughs_own_newest_first_in_pages(before_the_division, keeper, elsewhere):
    http = before_the_division.http
    kept = [(await keep(http, keeper, address=f"Plot {number}, the meadow"))["id"] for number in range(5)]
    foreign = (await keep(http, elsewhere))["id"]
    pages, cursor = [], None
    while True:
        params = {"limit": 2, "state": "waiting"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get(PROVISIONAL, params=params, headers=keeper)).raise_for_status().json()
        pages.append([item["id"] for item in page["items"]])
        if (cursor := page["next"]) is None:
            break
    assert pages == [kept[:2:-1], kept[2:0:-1], kept[:1]]
    assert [item["id"] for item in (await http.get(PROVISIONAL, headers=elsewhere)).json()["items"]] == [foreign]
    assert (await http.get(PROVISIONAL, params={"state": "withdrawn"}, headers=keeper)).json()["items"] == []


async def test_another_boroughs_address_does_not_exist(before_the_division, keeper, elsewhere, tokens):
    http = before_the_division.http
    path = f"{PROVISIONAL}/{(await keep(http, keeper))['id']}"
    assert (await http.get(path, headers=elsewhere)).status_code == 404
    assert (await http.post(f"{path}/reconcile", json={"uprn": "200"}, headers=elsewhere)).status_code == 404
    assert (await http.post(f"{path}/withdraw", headers=elsewhere)).status_code == 404
    reader = tokens.bearer("addresses:provisional:read")
    assert (await http.get(path, headers=reader)).status_code == 200
    assert (await http.post(f"{path}/reconcile", json={"uprn": "200"}, headers=reader)).status_code == 403
    assert (await http.post(PROVISIONAL, json=FLAT, headers=reader)).status_code == 403
    assert (await http.get(path)).status_code == 401


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"address": ""}, "body.address"),
    ({"address": "x" * 1_001}, "body.address"),
    ({"address": "\ud800"}, "body.address"),
    ({"postcode": "E8"}, "body.postcode"),
    ({"postcode": None}, "body.postcode"),
    ({"lines": ["x"] * 11}, "body.lines"),
    ({"lines": ["x" * 201]}, "body.lines.0"),
    ({"note": "x" * 501}, "body.note"),
    ({"name": "Ada"}, "body.name"),
]


async def test_bad_input_names_the_field(before_the_division, keeper):
    for over, field in WRONG:
        reply = await before_the_division.http.post(
            PROVISIONAL, content=json.dumps(FLAT | over), headers=keeper | {"Content-Type": "application/json"}
        )
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (400, field)


async def test_a_repeated_request_keeps_one(before_the_division, keeper):
    http = before_the_division.http
    once = keeper | {"Idempotency-Key": "a"}
    assert (await keep(http, once))["id"] == (await keep(http, once))["id"]
    assert await before_the_division.service.store.collection("provisional").count({}) == 1


# ------------------------------------------------------------ replicas


@pytest.fixture
async def stores(settings) -> AsyncIterator[list[Store]]:
    opened = [await Store(settings(Settings)).start() for _ in range(2)]
    yield opened
    for store in opened:
        await store.close()


@pytest.fixture
async def live(two_releases) -> AsyncIterator[LiveRelease]:
    release = LiveRelease(two_releases[0], 1)
    await release.open()
    yield release
    await release.close()


async def test_replicas_that_look_at_once_reconcile_each_address_once(stores, live):
    for number in range(60):
        await stores[0].provisional.add(Provisional(f"p{number:02d}", "E09000012", "Flat 1, 14 Quillfen Street", "E8 1AD", now(), now()))
    reconcilers = [Reconciler(store, live) for store in stores]
    while any(await asyncio.gather(*(reconciler.step() for reconciler in reconcilers))):
        pass
    rows = await stores[0].collection("outbox").find({})
    assert sorted(row["key"] for row in rows) == [f"p{number:02d}" for number in range(60)]
    assert await stores[0].collection("provisional").count({"state": "reconciled", "sequence": 2}) == 60


async def test_replicas_that_serve_different_releases_do_not_look_without_end(stores, live):
    await stores[0].provisional.add(Provisional("p", "E09000012", "Nowhere, Atlantis", "E8 1AD", now(), now()))
    one, two = (Reconciler(store, live) for store in stores)
    assert await one.step() == 1
    await stores[0].provisional.note_tried("p", "another release")
    assert await two.step() == 1
    await stores[0].provisional.note_tried("p", "another release")
    assert await one.step() == await two.step() == 0
