"""Bodies with too many keys, items or faults: refused early, with a short answer."""

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.http import Problem
from shared.http.json_body import require_few_values
from tests.shared.thing import Settings, build
from tests.support.service_runner import RunningService, run_service

SCOPE = "thing:thing:make"
DOCUMENTS = Path(__file__).parents[2] / "contracts" / "openapi"
FORMATS = {"uuid", "date", "date-time"}
BOUNDED_IN_CODE = {
    "notifications": {"phone_number", "email_address", "one_click_unsubscribe_url", "personalisation"},
    "addresses": {"type", "coordinates", "postcodes"},
    "move_home": {"borough", "purpose"},
}
"""Fields with limits that OpenAPI cannot express: another API's format, a lookup in a list, or a limit on the whole body."""
in_its_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thing(module_settings) -> AsyncIterator[RunningService]:
    async with run_service(build(module_settings(Settings))) as running:
        yield running


@in_its_loop
async def test_a_body_with_too_many_values_is_refused_early(thing, tokens):
    many = {
        "77,000 unknown keys": {"name": "a", **{f"k{number}": 1 for number in range(77_000)}},
        "80,000 items": {"name": [0] * 80_000},
        "80,000 lists": {"name": [[]] * 80_000},
    }
    for name, body in many.items():
        content = json.dumps(body).encode()
        turns = []
        for _ in range(3):
            began = time.process_time()
            answer = await thing.http.post(
                "/v1/things", content=content, headers={**tokens.bearer(SCOPE), "Content-Type": "application/json"}
            )
            turns.append(time.process_time() - began)
        took = min(turns)
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (400, "too-many-values"), name
        assert took < 0.25, f"{name}: {took:.2f} s"


@in_its_loop
async def test_a_list_of_faults_is_short(thing, tokens):
    body = {f"k{number}" + "x" * 1_000: 1 for number in range(600)}
    answer = await thing.http.post("/v1/things", json=body, headers=tokens.bearer(SCOPE))
    assert answer.status_code == 400
    assert len(answer.json()["errors"]) <= 50
    assert len(answer.content) < 50_000


def test_text_is_not_counted_as_values():
    require_few_values(json.dumps({"text": '[{,"\\' * 100_000}).encode(), 10)
    require_few_values(json.dumps(list(range(10))).encode(), 10)
    with pytest.raises(Problem):
        require_few_values(json.dumps(list(range(11))).encode(), 10)
    with pytest.raises(Problem):
        require_few_values(b"[" * 11, 10)
    with pytest.raises(Problem):
        require_few_values(b'{"a": {"b": [1, 2, "x"]}}', 3)


@pytest.mark.parametrize("document", sorted(DOCUMENTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_text_list_and_map_of_a_json_body_has_a_limit(document: Path) -> None:
    content = json.loads(document.read_text())
    allowed = BOUNDED_IN_CODE.get(document.stem, set())
    unbounded = [
        f"{method} {path}: {'.'.join(place)}"
        for path, operations in content["paths"].items()
        for method, operation in operations.items()
        for place in _unbounded(content, _json_body(operation), ())
        if not allowed & set(place)
    ]
    assert not unbounded


def _json_body(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    body: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return body


def _unbounded(document: Mapping[str, Any], schema: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    for one in schema.get("anyOf", []):
        yield from _unbounded(document, one, at)
    kinds = schema.get("type", [])
    if "string" in kinds and not (schema.keys() & {"maxLength", "enum", "const", "pattern"} or schema.get("format") in FORMATS):
        yield at
    if "array" in kinds:
        if "maxItems" not in schema:
            yield at
        yield from _unbounded(document, schema.get("items", {}), at)
    if isinstance(schema.get("additionalProperties"), dict) and "maxProperties" not in schema:
        yield at
    for name, inner in schema.get("properties", {}).items():
        yield from _unbounded(document, inner, (*at, name))
