"""postcodes.io's surface: its shapes, limits and errors, on every postcode that is shipped."""

from typing import Any

import pytest

from services.addresses.adapters.sources import Sources
from services.addresses.domain.postcode import Postcode
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def running(shared_running: Running) -> Running:
    return shared_running


async def result(running: Any, path: str, **parameters: Any) -> Any:
    answer = await running.http.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"status", "result"}
    assert body["status"] == 200
    return body["result"]


async def error(running: Any, path: str, status: int, **parameters: Any) -> str:
    answer = await running.http.get(path, params=parameters)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["status"] == status
    return str(body["error"])


async def test_a_postcode_in_any_writing_says_where_it_is(running):
    found = await result(running, "/postcodes/e81ea")
    assert (found["postcode"], found["outcode"], found["incode"]) == ("E8 1EA", "E8", "1EA")
    assert (found["admin_district"], found["codes"]["admin_district"], found["region"]) == ("Hackney", "E09000012", "London")
    assert found == await result(running, "/postcodes/E8 1EA")


async def test_every_live_postcode_is_found_and_every_terminated_one_says_when(gazetteer):
    live = [row.postcode for row in Sources().live()]
    assert len(live) == 180_754
    for text in live[::97]:
        parsed = Postcode.parse(text)
        assert parsed is not None
        assert gazetteer.postcode(parsed) is not None
    standing = set(live)
    gone = [row for row in Sources().terminated() if row.postcode not in standing]
    for row in gone[::97]:
        parsed = Postcode.parse(row.postcode)
        assert parsed is not None
        ended = gazetteer.terminated(parsed)
        assert f"{ended.year}{ended.month:02d}" == row.terminated


async def test_a_terminated_postcode(running):
    row = next(iter(Sources().terminated()))
    ended = await result(running, f"/terminated_postcodes/{row.postcode}")
    assert (ended["year_terminated"], ended["month_terminated"]) == (int(row.terminated[:4]), int(row.terminated[4:]))
    assert await error(running, "/terminated_postcodes/E8 1EA", 404)


async def test_one_that_is_none_and_one_that_is_not_there(running):
    assert await error(running, "/postcodes/HELLO", 404) == "Invalid postcode"
    assert await error(running, "/postcodes/E8 9ZZ", 404) == "Postcode not found"


async def test_validate_says_only_whether(running):
    assert await result(running, "/postcodes/E8 1EA/validate") is True
    assert await result(running, "/postcodes/HELLO/validate") is False


async def test_autocomplete_gives_what_begins_so(running):
    found = await result(running, "/postcodes/E8 1/autocomplete")
    assert len(found) == 10
    assert all(one.startswith("E8 1") for one in found)
    assert len(await result(running, "/postcodes/E8/autocomplete", limit=100)) == 100
    assert await result(running, "/postcodes/ZZ/autocomplete") is None


async def test_a_query_gives_whole_postcodes(running):
    found = await result(running, "/postcodes", q="E8 1E", limit=3)
    assert [one["postcode"][:5] for one in found] == ["E8 1E"] * 3
    assert await error(running, "/postcodes", 400)


async def test_nearest_begins_with_itself_and_keeps_to_the_radius(running):
    near = await result(running, "/postcodes/E8 1EA/nearest", radius=200, limit=100)
    assert near[0]["postcode"] == "E8 1EA"
    distances = [one["distance"] for one in near]
    assert distances == sorted(distances)
    assert distances[-1] <= 200
    narrow = await result(running, "/postcodes/E8 1EA/nearest")
    assert {one["postcode"] for one in narrow} <= {one["postcode"] for one in near}
    assert len(narrow) <= 10


async def test_a_place_gives_the_postcodes_around_it(running):
    here = await result(running, "/postcodes/E8 1EA")
    near = await result(running, "/postcodes", lon=here["longitude"], lat=here["latitude"])
    assert near[0]["postcode"] == "E8 1EA"
    assert await result(running, "/postcodes", lon=2.35, lat=48.85) is None


async def test_many_at_once_come_in_the_order_they_were_sent(running):
    sent = ["E8 1EA", "HELLO", "NW11AA"]
    answer = (await running.http.post("/postcodes", json={"postcodes": sent})).json()
    assert [one["query"] for one in answer["result"]] == sent
    assert [one["result"] and one["result"]["outcode"] for one in answer["result"]] == ["E8", None, "NW1"]
    place = {"longitude": answer["result"][0]["result"]["longitude"], "latitude": answer["result"][0]["result"]["latitude"]}
    (around,) = (await running.http.post("/postcodes", json={"geolocations": [place]})).json()["result"]
    assert around["query"] == place
    assert around["result"][0]["postcode"] == "E8 1EA"


@pytest.mark.parametrize("body", [{}, {"postcodes": "E8"}, {"postcodes": ["E8 1EA"] * 101}, {"geolocations": [{}] * 101}, []])
async def test_a_wrong_bulk_is_a_400(running, body):
    answer = await running.http.post("/postcodes", json=body)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


async def test_an_outcode_and_those_around_it(running):
    found = await result(running, "/outcodes/e8")
    assert found["outcode"] == "E8"
    assert "Hackney" in found["admin_district"]
    near = await result(running, "/outcodes/E8/nearest", radius=5000)
    assert near[0]["outcode"] == "E8"
    assert await error(running, "/outcodes/ZZ9", 404)


async def test_a_random_postcode_is_one_that_lives(running):
    one = await result(running, "/random/postcodes", outcode="E8")
    assert one["outcode"] == "E8"
    assert (await result(running, f"/postcodes/{one['postcode']}"))["postcode"] == one["postcode"]
