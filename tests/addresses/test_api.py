"""The service over HTTP, on real engines."""

import random
import string
import time
from urllib.parse import quote

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from services.addresses.gazetteer.releases.local import current
from services.addresses.service import build
from services.addresses.settings import Settings
from shared.service import StartError
from tests.support.service_runner import RunningService

from .conftest import SEED

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEARCH = "/v1/addresses/search"


@pytest.fixture
def running(shared_running: RunningService) -> RunningService:
    return shared_running


async def test_a_citizen_finds_an_address_by_postcode_and_looks_it_up(running, reader):
    reply = await running.http.get(SEARCH, params={"q": "e81ab"}, headers=reader)
    assert reply.status_code == 200
    first = reply.json()["results"][0]
    assert set(first) == {"uprn", "address", "postcode", "borough", "lat", "lng", "kind"}
    assert (first["postcode"], first["borough"], first["kind"]) == ("E8 1AB", "E09000012", "premises")
    assert 51.5 < first["lat"] < 51.6
    assert -0.1 < first["lng"] < 0.0
    full = (await running.http.get(f"/v1/addresses/{first['uprn']}", headers=reader)).json()
    assert first.items() <= full.items()
    assert full["made_up"] is True
    assert full["parts"]["postcode"] == "E8 1AB"
    assert full["ward"].startswith("E05")


async def test_a_flat_names_its_shell_and_the_shell_its_flats(running, reader):
    found = (await running.http.get(SEARCH, params={"q": "flat 1 house", "limit": 50}, headers=reader)).json()["results"]
    flat = (await running.http.get(f"/v1/addresses/{found[0]['uprn']}", headers=reader)).json()
    shell = (await running.http.get(f"/v1/addresses/{flat['parent']}", headers=reader)).json()
    assert shell["kind"] == "shell"
    assert flat["uprn"] in shell["children"]


async def test_a_postcode_elsewhere_in_london_is_a_result_without_a_uprn(running, reader):
    (only,) = (await running.http.get(SEARCH, params={"q": "SW1A 1AA"}, headers=reader)).json()["results"]
    assert (only["kind"], only["uprn"], only["borough"]) == ("postcode", None, "E09000033")


async def test_search_needs_a_token_with_its_scope_and_postcodes_need_none(running, tokens):
    assert (await running.http.get(SEARCH, params={"q": "E8"})).status_code == 401
    other = tokens.token(scope="addresses:other:read", audience="urn:london-blocks:addresses")
    reply = await running.http.get(SEARCH, params={"q": "E8"}, headers={"Authorization": f"Bearer {other}"})
    assert reply.status_code == 403
    assert (await running.http.get("/v1/addresses/999000000000")).status_code == 401
    assert (await running.http.get("/postcodes/E81AB")).status_code == 200


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        (SEARCH, {}, "query.q"),
        (SEARCH, {"q": "x", "limit": "0"}, "query.limit"),
        (SEARCH, {"q": "x", "limit": "101"}, "query.limit"),
        (SEARCH, {"q": "x", "limit": "ten"}, "query.limit"),
        (SEARCH, {"q": "x", "borough": "Camden"}, "query.borough"),
        (SEARCH, {"q": "x", "borough": 'E09000007" OR "'}, "query.borough"),
        ("/v1/addresses/house", {}, "path.uprn"),
        ("/v1/addresses/1234567890123", {}, "path.uprn"),
        ("/v1/addresses/-1", {}, "path.uprn"),
    ],
)
async def test_bad_input_is_a_problem_that_names_the_field(running, reader, path, params, field):
    reply = await running.http.get(path, params=params, headers=reader)
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["errors"][0]["field"] == field


async def test_an_unknown_uprn_is_404(running, reader):
    reply = await running.http.get("/v1/addresses/1", headers=reader)
    assert (reply.status_code, reply.json()["status"]) == (404, 404)


async def test_whatever_is_typed_is_answered(running, reader):
    dice = random.Random(5)
    alphabet = string.printable + "é😀\x00\x1b\u202e٣"
    queries = [
        "",
        "\x00",
        "😀",
        "a" * 10_000,
        "E8 " * 3_000,
        "%00",
        *("".join(dice.choices(alphabet, k=dice.randint(1, 300))) for _ in range(60)),
    ]
    for query in queries:
        began = time.process_time()
        reply = await running.http.get(SEARCH, params={"q": query}, headers=reader)
        assert reply.status_code == 200, query
        assert time.process_time() - began < 1.0, query
        assert (await running.http.get(f"/postcodes/{quote(query[:200], safe='')}")).status_code < 500
    for raw in (b"%ff%fe", b"%C3%28", b"%ED%A0%80", b"&q=&q=", b"=;"):
        url = httpx.URL(running.url).copy_with(raw_path=SEARCH.encode() + b"?q=" + raw)
        assert (await running.http.get(url, headers=reader)).status_code < 500


async def test_postcodes_io_lookup_has_its_shape(running):
    reply = await running.http.get("/postcodes/sw1a1aa")
    body = reply.json()
    assert (reply.status_code, body["status"]) == (200, 200)
    result = body["result"]
    held = {name: value for name, value in result.items() if value is not None and name != "codes"}
    assert held == {
        "postcode": "SW1A 1AA",
        "quality": 1,
        "eastings": 529090,
        "northings": 179645,
        "country": "England",
        "longitude": -0.141563,
        "latitude": 51.50101,
        "european_electoral_region": "London",
        "region": "London",
        "incode": "1AA",
        "outcode": "SW1A",
        "admin_district": "Westminster",
        "admin_ward": "St James's",
        "date_of_introduction": "198001",
    }
    assert result["codes"]["admin_district"] == "E09000033"
    assert result["codes"]["admin_ward"].startswith("E05")
    assert len(result) == 42
    assert len(result["codes"]) == 29


@pytest.mark.parametrize(
    ("postcode", "body"),
    [
        ("E8 9ZZ", {"status": 404, "error": "Postcode not found"}),
        ("M1 1AE", {"status": 404, "error": "Postcode not found"}),
        ("nonsense", {"status": 404, "error": "Invalid postcode"}),
        ("E8", {"status": 404, "error": "Invalid postcode"}),
        ("A" * 5_000, {"status": 404, "error": "Invalid postcode"}),
    ],
)
async def test_a_postcode_that_is_not_there_is_postcodes_ios_404(running, postcode, body):
    reply = await running.http.get(f"/postcodes/{postcode}")
    assert (reply.status_code, reply.json()) == (404, body)


async def test_a_terminated_postcode_says_when_it_ended(running):
    reply = await running.http.get("/postcodes/BR1 1AD")
    assert reply.status_code == 404
    body = reply.json()
    assert (body["status"], body["error"]) == (404, "Postcode not found")
    ended = body["terminated"]
    assert (ended["postcode"], ended["year_terminated"], ended["month_terminated"]) == ("BR1 1AD", 2017, 9)
    assert (ended["longitude"], ended["latitude"]) == pytest.approx((0.0168, 51.4001), abs=2e-4)


async def test_two_replicas_that_start_at_once_announce_the_release_once(serve, settings, eventually, data_dir, engines):
    one, two = (settings(Settings, data_dir=data_dir, premises_seed=SEED) for _ in range(2))
    manifest = current(data_dir)[1]
    async with serve(build(one)) as first, serve(build(two)) as second:
        topic = f"{one.topic_prefix}addresses.releases"
        await eventually(lambda: first.service.store.releases.is_announced(manifest.release))
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=engines.kafka,
            **engines.kafka_access.client_options(),
            auto_offset_reset="earliest",
            group_id=None,
            fetch_max_wait_ms=20,
        )
        await consumer.start()
        try:
            message = await consumer.getone()
            assert message.key == manifest.release.encode()
            assert manifest.content_hash.encode() in message.value
            assert f'"premises":{manifest.counts.premises}'.encode() in message.value.replace(b" ", b"")
            more = await consumer.getmany(timeout_ms=1500)
        finally:
            await consumer.stop()
        ids = {dict(record.headers)["ce_id"] for records in more.values() for record in records} | {dict(message.headers)["ce_id"]}
        assert len(ids) == 1
        assert await second.service.store.collection("releases").count({}) == 1


async def test_a_data_dir_in_the_way_stops_the_start_with_one_line(settings, tmp_path):
    (tmp_path / "file").write_text("")
    service = build(settings(Settings, data_dir=tmp_path / "file"))
    with pytest.raises(StartError, match="ADDRESSES_DATA_DIR"):
        await service.start()
    await service.stop()
