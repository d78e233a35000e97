"""OS Places' surface in XML, read by a parser that others wrote: the same as in JSON, whatever the texts hold."""

from typing import Any
from xml.etree import ElementTree

import pytest

from services.addresses.domain.os_places.xml import error_response, search_response

from .test_os_places import KEY, PLACES, ask, running, some

__all__ = ["ask", "running", "some"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


def parsed(document: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(document)  # noqa: S314 (our own answer)


def read(element: ElementTree.Element | None) -> Any:
    """What an element holds, as JSON would have it: its texts are all text."""
    assert element is not None
    return {child.tag: read(child) for child in element} if len(element) else element.text or ""


def as_texts(value: Any) -> Any:
    return {name: as_texts(each) for name, each in value.items()} if isinstance(value, dict) else str(value)


REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("postcode", {"dataset": "DPA,LPI", "maxresults": 20, "output_srs": "EPSG:4326"}),
    ("find", {"query": "high street", "maxresults": 5, "minmatch": "0.5", "matchprecision": 4}),
    ("uprn", {"uprn": "1"}),
]


@pytest.mark.parametrize(("resource", "parameters"), REQUESTS)
async def test_xml_says_what_json_says(ask, some, resource, parameters):
    given = ({"postcode": some.postcode} if resource == "postcode" else {}) | parameters
    as_json = (await ask(resource, **given)).json()
    answer = await ask(resource, format="xml", **given)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml; charset=UTF-8")
    root = parsed(answer.content)
    assert root.tag == "SearchResponse"
    header = read(root.find("header"))
    assert header.pop("format") == "XML"
    assert header.pop("uri").startswith("http://")
    assert header == {name: str(value) for name, value in as_json["header"].items() if name not in ("format", "uri")}
    assert [read(result) for result in root.findall("results/result")] == [as_texts(result) for result in as_json.get("results", [])]
    assert (root.find("results") is None) == ("results" not in as_json)


FAILURES: list[tuple[str, dict[str, Any], int]] = [
    ("postcode", {"postcode": "X"}, 400),
    ("find", {"query": "a", "key": "wrong"}, 401),
    ("nothing", {}, 404),
    ("polygon", {}, 405),
]


@pytest.mark.parametrize(("resource", "parameters", "status"), FAILURES)
async def test_an_error_is_xml_where_xml_was_asked_for(ask, resource, parameters, status):
    answer = await ask(resource, format="XML", **parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/xml; charset=UTF-8")
    root = parsed(answer.content)
    assert root.tag == "ErrorResponse"
    assert read(root)["error"]["statuscode"] == str(status)
    assert read(root)["error"]["message"] == (await ask(resource, **parameters)).json()["error"]["message"]


async def test_a_polygon_is_answered_in_xml_too(running, some):
    east, north = some.easting, some.northing
    ring = [[east - 5, north - 5], [east + 5, north - 5], [east + 5, north + 5], [east - 5, north + 5], [east - 5, north - 5]]
    asked = {"key": KEY, "format": "XML"}
    answer = await running.http.post(f"{PLACES}/polygon", params=asked, json={"type": "Polygon", "coordinates": [ring]})
    found = parsed(answer.content).findall("results/result/DPA/UPRN")
    assert str(some.uprn) in [uprn.text for uprn in found]
    assert parsed((await running.http.post(f"{PLACES}/polygon", params=asked, content=b"{")).content).tag == "ErrorResponse"


async def test_a_format_that_is_neither_is_refused_in_json(ask):
    answer = await ask("uprn", uprn="1", format="GML")
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        400,
        "Requested format must be JSON or XML. Requested format was GML",
    )


@pytest.mark.parametrize("text", ["<b>&amp;</b>]]>", 'O\'Neill & "Sons"', "\U0001f600 Llŷn", "a\x00b\x1fc\ufffe\ud800", " \t\r\n"])
async def test_any_text_makes_a_document_that_parses(text):
    reported = parsed(search_response({"query": text}, [{"DPA": {"ADDRESS": text}}]))
    kept = "".join("\ufffd" if sign in "\x00\x1f\ufffe\ud800" else sign for sign in text)
    assert reported.findtext("header/query") == reported.findtext("results/result/DPA/ADDRESS") == kept
    assert parsed(error_response(400, text)).findtext("error/message") == kept


@pytest.mark.parametrize("query", ["<query>&", "\x00\x01", "\U0001f600", "]]>"])
async def test_any_query_is_echoed_in_a_document_that_parses(ask, query):
    answer = await ask("find", query=query, format="XML")
    assert answer.status_code == 200
    echoed = parsed(answer.content).findtext("header/query")
    assert echoed == "query=" + query.replace("\x00", "\ufffd").replace("\x01", "\ufffd")
