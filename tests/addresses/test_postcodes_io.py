"""postcodes.io's surface: its shapes, limits and errors, on every postcode that is shipped."""

from typing import Any

import pytest

from services.addresses.domain.geography.postcode import Postcode
from services.addresses.gazetteer.files.shipped_sources import Sources
from tests.support.service_runner import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def running(shared_running: RunningService) -> RunningService:
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


@pytest.mark.parametrize("space", ["\u00a0", "\u2009", "\u202f", "\u3000", "\ufeff", "\u200b"])
async def test_any_space_of_unicode_parts_and_surrounds_a_postcode(running, space):
    assert (await result(running, f"/postcodes/{space}E8{space}1EA{space}"))["postcode"] == "E8 1EA"
    assert await result(running, f"/postcodes/E8{space}1EA/validate") is True
    (one,) = (await running.http.post("/postcodes", json={"postcodes": [f"e8{space}1ea"]})).json()["result"]
    assert one["result"]["postcode"] == "E8 1EA"
    assert (await result(running, "/postcodes", q=f"E8{space}1EA"))[0]["postcode"] == "E8 1EA"


PATHS = [
    "/postcodes", "/postcodes/E8 1EA", "/postcodes/E8 1EA/nearest", "/postcodes/E8 1EA/validate", "/postcodes/E8 1EA/autocomplete",
    "/outcodes", "/outcodes/E8", "/outcodes/E8/nearest", "/random/postcodes", "/random/places", "/places", "/places/osgb4000000074558362",
    "/ping", "/terminated_postcodes/E8 1EA", "/scotland/postcodes/E8 1EA",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_of_any_origin_may_ask_first_and_then_ask(running, path):
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-requested-with"}
    answer = await running.http.request("OPTIONS", path, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert {"x-requested-with", "content-type", "accept", "origin"} <= allowed
    assert {"GET", "POST"} <= {name.strip() for name in answer.headers["access-control-allow-methods"].split(",")}
    assert (await running.http.get(path, headers={"Origin": "https://example.org"})).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_is_read_in_any_case_and_with_a_slash_at_its_end(running, path):
    if "random" in path:
        assert (await running.http.get(f"{path.upper()}/")).status_code == 200
        return
    plain = await running.http.get(path)
    for other in (f"{path}/", path.upper(), f"{path.title()}/"):
        answer = await running.http.get(other)
        assert (answer.status_code, answer.json()) == (plain.status_code, plain.json()), other


async def test_head_is_answered_as_get_without_a_body(running):
    answer = await running.http.head("/postcodes/E8 1EA")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await running.http.head("/postcodes/HELLO")).status_code == 404


async def test_a_wide_search_is_asked_for_in_either_case(running):
    place = {"lon": 0.3, "lat": 51.45}
    narrow = await result(running, "/postcodes", **place)
    wide = await result(running, "/postcodes", **place, wideSearch="true")
    assert narrow is None
    assert wide == await result(running, "/postcodes", **place, widesearch="true")
    assert len(wide) == 10
    assert await result(running, f"/postcodes/lon/{place['lon']}/lat/{place['lat']}", wideSearch="1") == wide
    sent = {"geolocations": [{"longitude": 0.3, "latitude": 51.45, "wideSearch": True}]}
    assert (await running.http.post("/postcodes", json=sent)).json()["result"][0]["result"] == wide


async def test_a_callback_wraps_a_result_as_a_script(running):
    plain = await running.http.get("/postcodes/E8 1EA")
    answer = await running.http.get("/postcodes/E8 1EA", params={"callback": "app.show$1"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text == f"/**/ typeof app.show$1 === 'function' && app.show$1({plain.text});"
    assert (await running.http.get("/ping", params={"callback": "foo"})).text.endswith('foo({"status":200,"result":"pong"});')


@pytest.mark.parametrize("callback", ["alert(1)//", "a b", "<script>", "1a", "a..b", "a[0]", "\u0430", "x" * 65, "a;b", "a\n"])
async def test_a_callback_that_is_no_name_is_refused(running, callback):
    answer = await running.http.get("/postcodes/E8 1EA", params={"callback": callback})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/json")
    assert callback not in answer.text


async def test_an_error_is_no_script(running):
    answer = await running.http.get("/postcodes/HELLO", params={"callback": "foo"})
    assert (answer.status_code, answer.json()) == (404, {"status": 404, "error": "Invalid postcode"})


async def test_places_and_scotland_answer_as_a_server_that_has_none(running):
    assert await result(running, "/ping") == "pong"
    assert await result(running, "/places", q="hackney") == []
    assert await result(running, "/places", query="hackney") == []
    assert await error(running, "/places", 400) == "No valid query submitted. Remember to include every parameter"
    assert await error(running, "/places/osgb4000000074558362", 404) == "Place not found"
    assert await result(running, "/random/places") is None
    assert await error(running, "/scotland/postcodes/HELLO", 404) == "Invalid postcode"
    assert await error(running, "/scotland/postcodes/E8 1EA", 404) == "Postcode exists in ONSPD but not in SPD"
    assert await error(running, "/scotland/postcodes/AB10 1AB", 404) == "Postcode not found"


async def test_what_is_not_there_is_a_404_of_this_surface(running):
    for path in ("/ping/pong", "/places/a/b", "/scotland", "/outcodes/E8/x", "/postcodes/E8 1EA/x/y"):
        assert await error(running, path, 404) == "Resource not found", path
