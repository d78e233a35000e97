"""Every slot for free text in an operation of an OpenAPI document, and hostile texts for it."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
SHAPES: Mapping[str, str] = {
    "spaces": " ",
    "spaces and commas": " ,",
    "words and hyphens": "a-",
    "words and dots": "a.",
    "parentheses": "(",
    "placeholders": "((a))",
    "digits": "9",
    "accents": "e\u0301",
    "web addresses": "http://a.b ",
    "mail addresses": "a@a.",
    "brackets": "[a](",
    "lines": "\n> * ",
    "quotes": '"\\',
}
"""Repeated texts; a final letter makes expressions that expect another ending fail there."""
VALUES: Mapping[str, Any] = {
    "email": "a@example.com",
    "email_address": "a@example.com",
    "phone_number": "07700900123",
    "phone": "07700900123",
    "postcode": "E8 1EA",
    "borough": "E09000012",
    "recipient": "E09000012",
    "uprn": "100000000001",
    "purpose": "council-tax",
    "kind": "wrong",
    "grant_type": "client_credentials",
    "response_type": "code",
    "text_sha256": "0" * 64,
}
"""Values by field name, for fields that do not accept any text."""


@dataclass
class Call:
    """A request of one operation."""

    path: str
    method: str
    parameters: dict[str, dict[str, str]] = field(default_factory=lambda: {"path": {}, "query": {}, "header": {}})
    body: Any = None
    media_type: str = ""


@dataclass(frozen=True)
class Slot:
    """One slot of a call; `filled(call, text)` returns the call with the text in it."""

    name: str
    most: int
    """Maximum bytes in this slot."""
    fill: Callable[[Call, str], None]

    def filled(self, call: Call, text: str) -> Call:
        made = copy.deepcopy(call)
        self.fill(made, text)
        return made


def text_of(shape: str, size: int) -> str:
    """Return a hostile text of `size` characters."""
    unit = SHAPES[shape]
    return (unit * (size // len(unit) + 1))[: size - 1] + "a"


def call_of(document: Mapping[str, Any], path: str, method: str, existing: Mapping[str, str], known: Any) -> Call:
    """Return a documented call with ids of existing resources and known valid values in its body.

    A known value of None omits the field.
    """
    operation = document["paths"][path][method]
    call = Call(path, method.upper())
    for parameter in operation.get("parameters", []):
        name, place, schema = parameter["name"], parameter["in"], parameter.get("schema", {})
        if place == "path":
            call.parameters["path"][name] = existing.get(name) or str(sample(document, schema, name))
        elif place in call.parameters and (parameter.get("required") or place == "query"):
            call.parameters[place][name] = str(sample(document, schema, name))
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        call.media_type = next(iter(content))
        call.body = sample(document, content[call.media_type].get("schema", {}), "")
        if isinstance(known, dict) and isinstance(call.body, dict):
            call.body = {name: value for name, value in {**call.body, **known}.items() if value is not None}
    return call


def slots_of(call: Call, document: Mapping[str, Any]) -> Iterator[Slot]:
    """Return every slot of the call, and of its body at every depth: texts, keys and items."""
    for place, most in (("path", 7_000), ("query", 7_000), ("header", 14_000)):
        for name in call.parameters[place]:
            yield Slot(f"{place}.{name}", most, _parameter(place, name))
    optional = document["paths"][call.path][call.method.lower()].get("parameters", [])
    for parameter in optional:
        if parameter["in"] == "query" and parameter["name"] not in call.parameters["query"]:
            yield Slot(f"query.{parameter['name']}", 7_000, _parameter("query", parameter["name"]))
    if call.media_type == FORM:
        yield from (Slot(f"form.{name}", 60_000, _at((name,))) for name in call.body)
    elif call.media_type:
        yield from _in_body(call.body, ())


def sample(document: Mapping[str, Any], schema: Mapping[str, Any], name: str) -> Any:
    """Return a value that roughly satisfies a schema."""
    if "$ref" in schema:
        return sample(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]], name)
    if name in VALUES:
        return VALUES[name]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return sample(document, next(one for one in schema[several] if one.get("type") != "null"), name)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object")
    return _SAMPLES[kind[0] if isinstance(kind, list) else kind](document, schema)


def _text(_: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    formats = {"uuid": str(UUID(int=7)), "date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z"}
    return formats.get(str(schema.get("format", "")), "a" * max(1, int(schema.get("minLength", 1))))


def _object(document: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: sample(document, one, name) for name, one in schema.get("properties", {}).items()}


_SAMPLES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Any]] = {
    "string": _text,
    "integer": lambda _, schema: schema.get("minimum", 1),
    "number": lambda _, schema: schema.get("minimum", 1),
    "boolean": lambda *_: True,
    "null": lambda *_: None,
    "array": lambda document, schema: [sample(document, schema.get("items", {"type": "string"}), "")],
    "object": _object,
}


def _parameter(place: str, name: str) -> Callable[[Call, str], None]:
    def fill(call: Call, text: str) -> None:
        call.parameters[place][name] = text

    return fill


def _in_body(value: Any, at: tuple[str | int, ...]) -> Iterator[Slot]:
    name = ".".join(["body", *map(str, at)])
    if isinstance(value, dict):
        yield Slot(f"{name} (a key)", 200_000, _key(at))
        yield Slot(f"{name} (many keys)", 600_000, _many_keys(at))
        for key, inner in value.items():
            yield from _in_body(inner, (*at, key))
    elif isinstance(value, list):
        yield Slot(f"{name} (many items)", 600_000, _many_items(at))
        for place, inner in enumerate(value[:1]):
            yield from _in_body(inner, (*at, place))
    else:
        yield Slot(name, 200_000, _at(at))


def _at(at: tuple[str | int, ...]) -> Callable[[Call, str], None]:
    def fill(call: Call, text: str) -> None:
        if not at:
            call.body = text
            return
        inner = call.body
        for step in at[:-1]:
            inner = inner[step]
        inner[at[-1]] = text

    return fill


def _found(call: Call, at: tuple[str | int, ...]) -> Any:
    inner = call.body
    for step in at:
        inner = inner[step]
    return inner


def _key(at: tuple[str | int, ...]) -> Callable[[Call, str], None]:
    def fill(call: Call, text: str) -> None:
        _found(call, at)[text] = text[:10]

    return fill


def _many_keys(at: tuple[str | int, ...]) -> Callable[[Call, str], None]:
    def fill(call: Call, text: str) -> None:
        _found(call, at).update({f"{text[:2]}{number}": "a" for number in range(len(text) // 12)})

    return fill


def _many_items(at: tuple[str | int, ...]) -> Callable[[Call, str], None]:
    def fill(call: Call, text: str) -> None:
        _found(call, at).extend([text[:2]] * (len(text) // 6))

    return fill
