"""OS Places' surface, asked by OS's own Python client with nothing changed but its endpoint, and by hand for what that does not show."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from osdatahub import Extent, PlacesAPI
from pydantic import SecretStr

from services.addresses.service import build
from services.addresses.settings import ApiKey, Settings
from tests.support.service_runner import RunningService, run_service

from .conftest import SEED

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "k" * 40
PLACES = "/search/places/v1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(module_settings, data_dir) -> AsyncIterator[RunningService]:
    """The service with one key, for all these tests."""
    key = ApiKey(name="web team", borough="E09000012", sha256=sha256(KEY.encode()).hexdigest())
    own = {"data_dir": data_dir, "premises_seed": SEED, "secret_key": SecretStr(Fernet.generate_key().decode())}
    async with run_service(build(module_settings(Settings, **own, api_keys=(key,)))) as served:
        yield served


@pytest.fixture
def places(running, monkeypatch) -> PlacesAPI:
    """OS's client, pointed here."""
    monkeypatch.setattr(PlacesAPI, "_PlacesAPI__ENDPOINT", f"{running.url}{PLACES}/")
    return PlacesAPI(KEY)


@pytest.fixture
def ask(running):
    """`await ask(resource, **parameters)`: the reply to a request with the key."""

    async def get(resource: str, **parameters: Any) -> httpx.Response:
        answer: httpx.Response = await running.http.get(f"{PLACES}/{resource}", params={"key": KEY, **parameters})
        return answer

    return get


@pytest.fixture
def some(gazetteer):
    """A flat of the release: it has a delivery point, a parent and several addresses."""
    return next(blpu for blpu in gazetteer.all_records() if blpu.parent_uprn and blpu.delivery_point and blpu.classification == "RD06")


def properties(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [feature["properties"] for feature in found["features"]]


async def test_the_official_client_finds_an_address_by_its_text(places, some):
    text = f"{some.delivery_point.sub_building_name} {some.delivery_point.building_name} {some.delivery_point.thoroughfare} {some.postcode}"
    found = properties(await asyncio.to_thread(places.find, text, limit=5))
    assert found[0]["UPRN"] == str(some.uprn)
    assert found[0]["MATCH"] > 0.8


async def test_the_official_client_gets_everything_at_a_postcode(places, gazetteer, some):
    found = properties(await asyncio.to_thread(places.postcode, some.postcode, limit=1000))
    with_delivery = [blpu.uprn for blpu in gazetteer.records(gazetteer.at_postcode(some.postcode)) if blpu.delivery_point]
    assert sorted(int(one["UPRN"]) for one in found) == sorted(with_delivery)
    assert {one["POSTCODE"] for one in found} == {some.postcode}


async def test_the_official_client_gets_one_property_with_its_addresses(places, some):
    (dpa,) = properties(await asyncio.to_thread(places.uprn, some.uprn))
    assert (dpa["UPRN"], dpa["UDPRN"]) == (str(some.uprn), str(some.delivery_point.udprn))
    assert (dpa["PARENT_UPRN"], dpa["CLASSIFICATION_CODE"]) == (str(some.parent_uprn), "RD06")
    assert isinstance(dpa["LOCAL_CUSTODIAN_CODE"], int)
    lpis = properties(await asyncio.to_thread(places.uprn, some.uprn, dataset="LPI"))
    assert len(lpis) == len(some.lpis)
    assert {one["LPI_KEY"] for one in lpis} == {lpi.lpi_key for lpi in some.lpis}


async def test_what_is_nearest(ask, some):
    # osdatahub 1.3.5 cannot ask this: its type check refuses the defaults of its own function.
    (found,) = (await ask("nearest", point=f"{some.easting},{some.northing}", radius=1)).json()["results"]
    assert (found["DPA"]["X_COORDINATE"], found["DPA"]["Y_COORDINATE"]) == (some.easting, some.northing)


@pytest.mark.parametrize("crs", ["EPSG:27700", "EPSG:4326"])
async def test_the_official_client_finds_what_lies_in_an_area(places, gazetteer, some, crs):
    east, north = (some.easting, some.northing)
    if crs == "EPSG:27700":
        extent = Extent.from_bbox((east - 40, north - 40, east + 40, north + 40), crs)
    else:
        extent = Extent.from_bbox((some.longitude - 0.0006, some.latitude - 0.0004, some.longitude + 0.0006, some.latitude + 0.0004), crs)
    found = {int(one["UPRN"]) for one in properties(await asyncio.to_thread(places.query, extent, limit=1000))}
    assert some.uprn in found
    near = {uprn for uprn, _, _ in gazetteer.within(east - 100, north - 100, east + 100, north + 100)}
    assert found <= near
    if crs == "EPSG:27700":
        exact = gazetteer.records([uprn for uprn, _, _ in gazetteer.within(east - 40, north - 40, east + 40, north + 40)])
        assert found == {blpu.uprn for blpu in exact if blpu.delivery_point}


async def test_the_header_says_what_was_asked_and_how_much_there_is_without_the_key(ask, some):
    answer = (await ask("postcode", postcode=some.postcode, maxresults=2, offset=1, dataset="DPA,LPI")).json()
    header = answer["header"]
    assert (header["query"], header["offset"], header["maxresults"]) == (f"postcode={some.postcode}", 1, 2)
    assert (header["dataset"], header["format"], header["lr"], header["output_srs"]) == ("DPA,LPI", "JSON", "EN,CY", "EPSG:27700")
    assert header["totalresults"] > 3
    assert len(answer["results"]) == 2
    assert KEY not in header["uri"]


async def test_nothing_found_has_no_results_key(ask):
    answer = (await ask("uprn", uprn="1")).json()
    assert answer["header"]["totalresults"] == 0
    assert "results" not in answer


@pytest.mark.parametrize("text", ["zzzzqqqq", "\U0001f600", "'; DROP TABLE addresses; --", "+title:(a OR b)^2", "x" * 10_000])
async def test_any_text_is_answered(ask, text):
    answer = await ask("find", query=text)
    assert answer.status_code == 200
    assert answer.json()["header"]["totalresults"] == len(answer.json().get("results", ()))


async def test_what_matches_too_little_and_what_lies_behind_the_last_page_is_left_out(ask, some):
    text = f"{some.delivery_point.thoroughfare} LONDON"
    loose, strict = [(await ask("find", query=text, minmatch=least)).json() for least in (0.1, 1.0)]
    assert strict["header"]["totalresults"] < loose["header"]["totalresults"]
    assert "results" not in (await ask("find", query=text, offset=100_000)).json()


async def test_a_filter_keeps_what_it_names(ask, some):
    flats = (await ask("postcode", postcode=some.postcode, fq="CLASSIFICATION_CODE:RD*")).json()
    assert {one["DPA"]["CLASSIFICATION_CODE"][:2] for one in flats["results"]} == {"RD"}
    shops = (await ask("postcode", postcode=some.postcode, fq="classification_code:CR08")).json()
    assert all(one["DPA"]["CLASSIFICATION_CODE"] == "CR08" for one in shops.get("results", ()))


async def test_england_is_e_and_also_en(ask, some):
    asked = [await ask("postcode", postcode=some.postcode, fq=f"COUNTRY_CODE:{code}") for code in ("E", "EN", "en", "W")]
    e, en, lower, wales = [each.json() for each in asked]
    assert e["results"] == en["results"] == lower["results"]
    assert {one["DPA"]["COUNTRY_CODE"] for one in e["results"]} == {"E"}
    assert "results" not in wales
    for wrong in ("EN*", "ENG", "WA"):
        assert (await ask("postcode", postcode=some.postcode, fq=f"COUNTRY_CODE:{wrong}")).status_code == 400


async def test_coordinates_come_in_the_system_that_is_asked_for(ask, some):
    plain = (await ask("uprn", uprn=some.uprn)).json()["results"][0]["DPA"]
    assert (plain["X_COORDINATE"], plain["Y_COORDINATE"]) == (some.easting, some.northing)
    world = (await ask("uprn", uprn=some.uprn, output_srs="WGS84")).json()["results"][0]["DPA"]
    assert (world["LNG"], world["LAT"]) == pytest.approx((some.longitude, some.latitude), abs=2e-5)


async def test_empty_fields_are_left_out_and_dates_are_written_as_there(ask, some):
    (dpa,) = [one["DPA"] for one in (await ask("uprn", uprn=some.uprn)).json()["results"]]
    assert not [name for name, value in dpa.items() if value in ("", None)]
    assert len(dpa["LAST_UPDATE_DATE"].split("/")) == 3


@pytest.mark.parametrize(
    ("resource", "parameters"),
    [
        ("postcode", {"postcode": "X"}),
        ("postcode", {}),
        ("uprn", {"uprn": "twelve"}),
        ("find", {"query": "high street", "maxresults": 101}),
        ("find", {"query": "high street", "fq": "COLOUR:red"}),
        ("find", {"query": "high street", "minmatch": "2"}),
        ("find", {"query": "high street", "dataset": "PAF"}),
        ("nearest", {"point": "1"}),
        ("nearest", {"point": "-900000,5"}),
        ("nearest", {"point": "534900,184600", "radius": "1001"}),
        ("bbox", {"bbox": "530000,180000,532000,182000"}),
        ("bbox", {"bbox": "530000,180000,529000,179000"}),
        ("radius", {"point": "534900,184600", "srs": "EPSG:1"}),
    ],
)
async def test_a_wrong_parameter_is_the_documented_400(ask, resource, parameters):
    answer = await ask(resource, **parameters)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["statuscode"] == 400
    assert error["message"]


async def test_a_postcode_that_is_too_short_is_refused_as_there(ask):
    assert (await ask("postcode", postcode="X")).json()["error"]["message"] == (
        "Requested postcode must contain a minimum of the sector plus 1 digit of the district e.g. SO1. Requested postcode was X"
    )


async def test_a_polygon_that_crosses_itself_is_refused(running):
    bow = [[534900, 184600], [535000, 184700], [535000, 184600], [534900, 184700], [534900, 184600]]
    body = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [bow]}}
    answer = await running.http.post(f"{PLACES}/polygon", params={"key": KEY}, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["statuscode"] == 400


async def test_who_may_ask(running, reader, tokens):
    asked = {"query": "high street"}
    for refused in ({}, {"key": "wrong"}):
        answer = await running.http.get(f"{PLACES}/find", params={**asked, **refused})
        assert (answer.status_code, answer.json()["error"]["statuscode"]) == (401, 401)
    assert (await running.http.get(f"{PLACES}/find", params=asked, headers={"key": KEY})).status_code == 200
    assert (await running.http.get(f"{PLACES}/find", params=asked, headers=reader)).status_code == 200
    other = tokens.token(scope="addresses:other:read", audience="urn:london-blocks:addresses")
    answer = await running.http.get(f"{PLACES}/find", params=asked, headers={"Authorization": f"Bearer {other}"})
    assert (answer.status_code, answer.json()["error"]["statuscode"]) == (403, 403)


async def test_what_is_not_there_and_what_is_asked_in_the_wrong_way(running):
    answer = await running.http.get(f"{PLACES}/nothing", params={"key": KEY})
    assert (answer.status_code, answer.json()["error"]["statuscode"]) == (404, 404)
    answer = await running.http.post(f"{PLACES}/find", params={"key": KEY})
    assert (answer.status_code, answer.json()["error"]["statuscode"]) == (405, 405)


async def test_a_caller_who_asks_too_often_is_told_to_wait(serve, settings, data_dir):
    key = ApiKey(name="web team", borough="E09000012", sha256=sha256(KEY.encode()).hexdigest())
    async with serve(build(settings(Settings, data_dir=data_dir, premises_seed=SEED, api_keys=(key,), places_per_minute=3))) as served:
        answers = [await served.http.get(f"{PLACES}/uprn", params={"key": KEY, "uprn": "1"}) for _ in range(6)]
    assert 429 in {answer.status_code for answer in answers}
    assert answers[0].status_code == 200
    assert answers[-1].json()["error"]["statuscode"] == 429


def square(east: float, north: float, half: float) -> list[list[float]]:
    corners = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
    return [[east + right, north + up] for right, up in corners]


@pytest.fixture
def inside(running):
    """`await inside(geometry)`: the UPRNs in it."""

    async def post(geometry: dict[str, Any]) -> set[str]:
        found: set[str] = set()
        while True:
            asked = {"key": KEY, "offset": len(found)}
            answer = await running.http.post(f"{PLACES}/polygon", params=asked, json={"type": "Feature", "geometry": geometry})
            page = answer.raise_for_status().json().get("results", [])
            found |= {result["DPA"]["UPRN"] for result in page}
            if len(page) < 100:
                return found

    return post


async def test_a_polygon_has_holes_and_several_have_what_is_in_any(inside, some):
    at = some.easting, some.northing
    whole = await inside({"type": "Polygon", "coordinates": [square(*at, 30)]})
    around = await inside({"type": "Polygon", "coordinates": [square(*at, 30), square(*at, 10)]})
    middle = await inside({"type": "Polygon", "coordinates": [square(*at, 10)]})
    assert str(some.uprn) in middle
    assert (around | middle, around & middle) == (whole, set())
    assert await inside({"type": "MultiPolygon", "coordinates": [[square(*at, 30), square(*at, 10)], [square(*at, 10)]]}) == whole
    assert await inside({"type": "MultiPolygon", "coordinates": [[square(*at, 30)], [square(*at, 10)]]}) == whole, "parts may overlap"


NO_POLYGONS: list[Any] = [
    {"type": "MultiPolygon", "coordinates": []},
    {"type": "MultiPolygon", "coordinates": [[]]},
    {"type": "MultiPolygon", "coordinates": [square(534900, 184600, 10)]},
    {"type": "MultiPolygon", "coordinates": [[square(534900, 184600, 10)], [square(544900, 194600, 10)]]},
    {"type": "Polygon", "coordinates": 5},
    {"type": "Polygon"},
    {"type": "GeometryCollection", "geometries": []},
    [],
]


@pytest.mark.parametrize("document", NO_POLYGONS)
async def test_what_is_no_polygon_is_refused(running, document):
    answer = await running.http.post(f"{PLACES}/polygon", params={"key": KEY}, json=document)
    assert (answer.status_code, answer.json()["error"]["statuscode"]) == (400, 400)
    assert answer.json()["error"]["message"].startswith("Requested polygon must")


async def test_a_page_of_any_origin_may_ask_by_script(running):
    origin = {"Origin": "https://council.example"}
    for method, path in (("GET", "uprn?uprn=1"), ("GET", "postcode"), ("POST", "polygon"), ("PUT", "find"), ("GET", "nothing")):
        for key in (f"&key={KEY}", ""):
            answer = await running.http.request(method, f"{PLACES}/{path}{key if '?' in path else key.replace('&', '?')}", headers=origin)
            assert answer.headers["access-control-allow-origin"] == "*", (method, path, answer.status_code)
    asks_first = origin | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, key"}
    for path in (f"{PLACES}/polygon", f"{PLACES}/find", "/postcodes"):
        answer = await running.http.options(path, headers=asks_first)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert {"content-type", "key", "authorization"} <= set(answer.headers["access-control-allow-headers"].split(", "))
    for path in ("/postcodes/E81EA", "/postcodes/nonsense", "/outcodes/E8", "/random/postcodes", "/terminated_postcodes/E81EA"):
        assert (await running.http.get(path, headers=origin)).headers["access-control-allow-origin"] == "*"
    assert (await running.http.put("/postcodes")).json() == {"status": 404, "error": "Resource not found"}
    own = await running.http.get("/v1/addresses/search", params={"q": "E8"}, headers=origin)
    assert "access-control-allow-origin" not in own.headers, "our own surface is for servers: its tokens are not for pages"


async def test_a_box_just_too_large_is_told_its_size(ask):
    message = (await ask("bbox", bbox="530000,180000,531001,181000")).json()["error"]["message"]
    assert message == "Requested bbox must be at most 1 km2. Requested bbox was 1.001 km2"
