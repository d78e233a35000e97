"""Reports of what is wrong with the gazetteer: decided by the borough that it is about, or by a release that holds what was missing."""

from typing import Any

import pytest

from services.addresses.gazetteer.releases.local import activate

REPORTS = "/v1/addresses/reports"
SCOPES = "addresses:report:write addresses:report:read addresses:report:decide"
CAMDEN = "E09000007"


@pytest.fixture
def hackney(tokens) -> Any:
    return tokens.bearer(SCOPES)


@pytest.fixture
def camden(tokens) -> Any:
    return tokens.bearer(SCOPES, borough=CAMDEN)


async def report(http, headers, **body) -> Any:
    reply = await http.post(REPORTS, json=body, headers=headers)
    assert reply.status_code == 201, reply.text
    assert reply.headers["location"] == f"{REPORTS}/{reply.json()['id']}"
    return reply.json()


async def shown(http, headers, id_: str) -> Any:
    return (await http.get(f"{REPORTS}/{id_}", headers=headers)).raise_for_status().json()


async def test_a_missing_flat_is_resolved_by_the_release_that_holds_it(before_the_division, hackney, two_releases, eventually):
    http, service = before_the_division.http, before_the_division.service
    missing = {"kind": "missing", "address": "Flat 2, 14 Quillfen Street"}
    flat = await report(http, hackney, **missing, postcode="E8 1AD")
    house = await report(http, hackney, kind="missing", uprn="100", address="12 Quillfen Street E8 1AB")
    assert (flat["status"], flat["borough"]) == ("open", "E09000012")
    accepted = await http.post(f"{REPORTS}/{flat['id']}/decide", json={"status": "accepted"}, headers=hackney)
    assert accepted.json()["status"] == "accepted"

    async def looked_for() -> Any:
        return await service.store.collection("reports").count({"tried": two_releases[1]}) == 2

    await eventually(looked_for)
    assert (await shown(http, hackney, flat["id"]))["status"] == "accepted"
    activate(service.settings.data_dir, two_releases[2])

    async def resolved() -> Any:
        found = await shown(http, hackney, flat["id"])
        return found if found["status"] == "resolved" else False

    found = await eventually(resolved, seconds=20)
    assert (found["resolved_uprn"], two_releases[2] in found["reason"]) == ("202", True)
    assert (await shown(http, hackney, house["id"]))["status"] == "open", "the building that was named is not what it lacks"


async def test_the_borough_of_the_place_decides_and_the_one_that_reported_sees_it(before_the_division, hackney, camden, tokens):
    http = before_the_division.http
    wrong = await report(http, camden, kind="wrong", uprn="000100", text="It is called 12A")
    assert (wrong["borough"], wrong["uprn"]) == ("E09000012", "100")
    path = f"{REPORTS}/{wrong['id']}"
    assert (await shown(http, camden, wrong["id"]))["status"] == "open"
    assert (await http.post(f"{path}/decide", json={"status": "accepted"}, headers=camden)).status_code == 403
    stranger = tokens.bearer(SCOPES, borough="E09000030")
    assert (await http.get(path, headers=stranger)).status_code == 404
    assert (await http.post(f"{path}/decide", json={"status": "accepted"}, headers=stranger)).status_code == 404
    decided = await http.post(f"{path}/decide", json={"status": "rejected", "reason": "It is 12."}, headers=hackney)
    assert (decided.json()["status"], decided.json()["reason"]) == ("rejected", "It is 12.")
    again = await http.post(f"{path}/decide", json={"status": "resolved"}, headers=hackney)
    assert (again.status_code, again.json()["type"].rsplit("/", 1)[-1]) == (409, "not-possible")
    assert (await shown(http, camden, wrong["id"]))["status"] == "rejected"


async def test_a_list_is_about_the_boroughs_own_places(before_the_division, hackney, camden):
    http = before_the_division.http
    one = await report(http, camden, kind="duplicate", uprn="100")
    two = await report(http, hackney, kind="wrong", uprn="200")
    three = await report(http, hackney, kind="wrong", postcode="NW1 0AA", text="Not in the gazetteer at all")

    async def listed(headers, **params) -> list[str]:
        return [item["id"] for item in (await http.get(REPORTS, params=params, headers=headers)).raise_for_status().json()["items"]]

    own = [two["id"], one["id"]] if three["borough"] == CAMDEN else [three["id"], two["id"], one["id"]]
    assert await listed(hackney) == own
    assert await listed(hackney, kind="duplicate", status="open") == [one["id"]]
    assert await listed(hackney, status="rejected") == []
    first = (await http.get(REPORTS, params={"limit": 1}, headers=hackney)).json()
    assert await listed(hackney, cursor=first["next"], limit=1) == [own[1]]


async def test_a_report_of_a_postcode_goes_to_its_borough(before_the_division, hackney):
    found = await report(before_the_division.http, hackney, kind="missing", postcode="SW1A 1AA", text="A palace")
    assert found["borough"] == "E09000033"
    unknown = await report(before_the_division.http, hackney, kind="missing", postcode="ZZ9 9ZZ", text="A palace")
    assert unknown["borough"] == "E09000012"


WRONG = [
    ({"kind": "missing", "text": "x"}, "body.uprn"),
    ({"kind": "missing", "postcode": "E8 1AB"}, "body.address"),
    ({"kind": "lost", "uprn": "100"}, "body.kind"),
    ({"kind": "wrong", "uprn": "12"}, "body.uprn"),
    ({"kind": "wrong", "uprn": "x"}, "body.uprn"),
    ({"kind": "wrong", "postcode": "E8"}, "body.postcode"),
    ({"kind": "wrong", "uprn": "100", "text": "x" * 1_001}, "body.text"),
    ({"kind": "wrong", "uprn": "100", "email": "a@example.com"}, "body.email"),
]


async def test_bad_input_names_the_field(before_the_division, hackney):
    for body, field in WRONG:
        reply = await before_the_division.http.post(REPORTS, json=body, headers=hackney)
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (400, field)


async def test_a_decision_needs_its_scope_and_a_uprn_that_exists(before_the_division, hackney, tokens):
    http = before_the_division.http
    path = f"{REPORTS}/{(await report(http, hackney, kind='missing', postcode='E8 1AD', text='the shed'))['id']}/decide"
    assert (await http.post(path, json={"status": "accepted"}, headers=tokens.bearer("addresses:report:read"))).status_code == 403
    assert (await http.post(path, json={"status": "open"}, headers=hackney)).json()["errors"][0]["field"] == "body.status"
    unknown = await http.post(path, json={"status": "resolved", "uprn": "7"}, headers=hackney)
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (400, "body.uprn")
    known = await http.post(path, json={"status": "resolved", "uprn": "0200"}, headers=hackney)
    assert (known.json()["status"], known.json()["resolved_uprn"]) == ("resolved", "200")
