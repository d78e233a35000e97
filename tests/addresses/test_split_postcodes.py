"""A postcode in two boroughs says so, with both codes, wherever our own surface meets one; on postcodes.io's it changes nothing."""

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from services.addresses.domain.geography.postcode import Postcode
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from services.addresses.service import build
from services.addresses.settings import Settings
from tests.support.service_runner import RunningService

from .villa import ACROSS, FLATS, HOUSE, written

pytestmark = pytest.mark.platform

BOTH = ["E09000012", "E09000033"]
SCOPES = "addresses:provisional:write addresses:provisional:read addresses:report:write addresses:report:read addresses:address:read"


@pytest.fixture
async def running(serve, settings, two_releases) -> AsyncIterator[RunningService]:
    """The service with a house of Westminster's at a postcode of Hackney's, E8 1AB."""
    async with serve(build(settings(Settings, data_dir=two_releases[0]))) as served:
        yield served


@pytest.fixture
def ask(running, tokens):
    """`await ask(path)`, or with a body by POST: the reply's JSON."""
    headers = tokens.bearer(SCOPES)

    async def asked(path: str, body: dict[str, Any] | None = None, **params: Any) -> Any:
        method = "GET" if body is None else "POST"
        reply = await running.http.request(method, f"/v1/addresses/{path}", json=body, params=params, headers=headers)
        return reply.raise_for_status().json()

    return asked


def is_warned(answer: Any) -> bool:
    (warning,) = answer["warnings"]
    assert (warning["type"], warning["postcode"], warning["boroughs"]) == ("split-postcode", "E8 1AB", BOTH)
    assert "Hackney and Westminster" in warning["message"]
    return True


async def test_a_search_warns_once_and_says_of_each_result_what_its_postcode_is(ask):
    found = await ask("search", q="E8 1AB")
    assert is_warned(found)
    assert [(result["borough"], result["postcode_boroughs"]) for result in found["results"]] == [(BOTH[0], BOTH), (BOTH[1], BOTH)]
    elsewhere = await ask("search", q="flat 1 quillfen street E8 1AD")
    assert elsewhere.keys() == {"results"}
    assert not any("postcode_boroughs" in result for result in elsewhere["results"])


async def test_a_search_that_finds_a_postcode_or_a_street_says_its_boroughs(ask):
    by_kind = {result["kind"]: result for q in ("E8 1A", "quillfen") for result in (await ask("search", q=q))["results"]}
    split = next(result for result in (await ask("search", q="E8 1A", limit=100))["results"] if result["postcode"] == "E8 1AB")
    assert (split["kind"], split["postcode_boroughs"]) == ("postcode", BOTH)
    assert "postcode_boroughs" not in by_kind["street"]


async def test_a_match_warns(ask):
    for found in (await ask("match", address="12 Quillfen Street, E8 1AB"), await ask("match", {"address": "99 Quillfen Street E8 1AB"})):
        assert is_warned(found)
        assert found["matches"][0]["postcode_boroughs"] == BOTH
    assert "warnings" not in await ask("match", address="Flat 1, 14 Quillfen Street, E8 1AD", limit=1)


async def test_the_result_of_a_match_job_warns(running, tokens, eventually):
    headers = tokens.bearer(SCOPES)
    sent = {"split": "12 Quillfen Street, E8 1AB", "whole": "Flat 1, 14 Quillfen Street, E8 1AD", "nowhere": "5 Nowhere Lane"}
    body = "".join(json.dumps({"id": id_, "address": address}) + "\n" for id_, address in sent.items())
    headers["Content-Type"] = "application/x-ndjson"
    made = (await running.http.post("/v1/addresses/match/jobs", content=body, headers=headers)).raise_for_status().headers["location"]

    async def is_done() -> bool:
        return bool((await running.http.get(made, headers=headers)).json()["state"] == "done")

    await eventually(is_done, seconds=20)
    as_lines, as_table = [(await running.http.get(f"{made}/result?format={each}", headers=headers)).text for each in ("jsonl", "csv")]
    rows = {row["id"]: row for row in map(json.loads, as_lines.splitlines())}
    assert rows["split"]["postcode_boroughs"] == BOTH
    assert not any("postcode_boroughs" in rows[id_] for id_ in ("whole", "nowhere"))
    said = {row["id"]: row["postcode_boroughs"] for row in csv.DictReader(io.StringIO(as_table))}
    assert said == {"split": " ".join(BOTH), "whole": "", "nowhere": ""}


async def test_a_check_warns_of_the_postcode_of_the_uprn(ask):
    assert is_warned(await ask("300/check", {"address": "99 Quillfen Street"}))
    assert "warnings" not in await ask("201/check", {"address": "Flat 1, 14 Quillfen Street"})


async def test_what_was_typed_and_what_is_reported_warns(ask):
    for path, body in (
        ("provisional", {"address": "Plot 7, Quillfen Street", "postcode": "E8 1AB"}),
        ("reports", {"kind": "missing", "address": "Plot 7", "postcode": "e81ab"}),
    ):
        made = await ask(path, body)
        assert is_warned(made)
        assert is_warned(await ask(f"{path}/{made['id']}"))
        assert is_warned((await ask(path))["items"][0])
        assert (await ask(path, body | {"postcode": "E8 1AD"}))["warnings"] == []


async def test_postcodes_io_says_what_it_says_of_any_postcode(running):
    split, whole = [(await running.http.get(f"/postcodes/{text}")).json()["result"] for text in ("E81AB", "E81AD")]
    assert split.keys() == whole.keys()
    assert split["codes"]["admin_district"] == BOTH[0]


def test_all_split_postcodes_of_a_release_are_known(tmp_path):
    unknown = replace(ACROSS, uprn=301, postcode_locator="E8 9ZZ")
    unposted = replace(ACROSS, uprn=302, postcode_locator="")
    abroad = replace(ACROSS, uprn=303, postcode_locator="NW1 1AA")
    name = written(tmp_path, "split", HOUSE, *FLATS, ACROSS, unknown, unposted, abroad)
    gazetteer = Gazetteer.open(tmp_path / "releases" / name)
    assert gazetteer.split_postcodes == {"E8 1AB": BOTH, "NW1 1AA": ["E09000007", "E09000033"]}
    assert all(gazetteer.boroughs_of(Postcode(*text.split(" "))) == boroughs for text, boroughs in gazetteer.split_postcodes.items())


def test_a_release_without_premises_has_none(tmp_path):
    assert Gazetteer.open(tmp_path / "releases" / written(tmp_path, "none")).split_postcodes == {}
