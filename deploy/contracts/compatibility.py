"""Decides whether a changed contract breaks old readers of new data, or new readers of old data.

A writer writes only the fields of its schema, so its schema is closed (`additionalProperties: false`). A reader ignores unknown fields, so
its schema stays open. The reader's schema must accept every value of the writer's: the writer's schema must be a subset of the reader's
(decided by jsonsubschema).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonsubschema import isSubschema
from jsonsubschema.exceptions import _UnsupportedCase as UndecidableError

Schema = Mapping[str, Any]

_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "discriminator", "contentMediaType"}
)
_MAPS = frozenset({"properties", "patternProperties"})
_LISTS = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})


def unreadable(writer: Schema, reader: Schema, *, writer_root: Schema | None = None, reader_root: Schema | None = None) -> list[str]:
    """Return one sentence for each field of `writer` that `reader` cannot read; empty where it reads everything.

    The roots are the documents that resolve `#/...` references, by default the schemas themselves.
    """
    written = _normalise(writer, writer_root or writer, closed=True)
    read = _normalise(reader, reader_root or reader, closed=False)
    found = list(_fields(written, read, ""))
    if not found and not _subset(written, read):
        found = ["the value as a whole is no longer what its reader expects"]
    return found


def _fields(written: dict[str, Any], read: dict[str, Any], path: str) -> Iterator[str]:
    """Compare field by field, so that the message can name the field; the subset rule decides each."""
    if (
        written.get("type") == read.get("type") == "array"
        and isinstance(written.get("items"), dict)
        and isinstance(read.get("items"), dict)
    ):
        yield from _fields(written["items"], read["items"], f"{path}[]")
        return
    if not (written.get("type") == read.get("type") == "object" and "properties" in read):
        if not _subset(written, read):
            yield f"{path or 'the value'}: was {_describe(read)}, would be {_describe(written)}"
        return
    offered, always = written.get("properties", {}), set(written.get("required", ()))
    needed = set(read.get("required", ()))
    for name, expected in read["properties"].items():
        where = f"{path}.{name}" if path else name
        if name not in offered:
            if name in needed:
                yield f"{where}: is needed and not given"
            continue
        if name in needed and name not in always:
            yield f"{where}: is needed and may be missing"
        yield from _fields(offered[name], expected, where)


def _subset(written: dict[str, Any], read: dict[str, Any]) -> bool:
    """Return whether `read` accepts all of `written`; a case that jsonsubschema cannot decide counts as a break, for a person to review."""
    try:
        return written == read or bool(isSubschema(written, read))
    except UndecidableError:
        return False


def _describe(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_describe(option) for option in schema["anyOf"])
    kind = str(schema.get("type", "anything"))
    limits = ", ".join(
        f"{key} {value}" for key, value in schema.items() if key not in {"type", "properties", "required", "additionalProperties", "items"}
    )
    return f"{kind} ({limits})" if limits else kind


def _normalise(schema: Any, root: Schema, *, closed: bool, seen: tuple[str, ...] = ()) -> Any:
    """Rewrite a schema into the subset of JSON Schema that jsonsubschema decides: draft 4, references inlined, no annotations.

    A recursive reference is expanded once; below that, any value is allowed.
    """
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        reference = str(schema["$ref"])
        return {} if reference in seen else _normalise(_look_up(reference, root), root, closed=closed, seen=(*seen, reference))
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _ANNOTATIONS or key.startswith(("x-", "$")):
            continue
        if key in _MAPS:
            plain[key] = {name: _normalise(one, root, closed=closed, seen=seen) for name, one in value.items()}
        elif key in _LISTS:
            plain[key] = [_normalise(one, root, closed=closed, seen=seen) for one in value]
        elif key in {"items", "additionalProperties", "not"}:
            plain[key] = _normalise(value, root, closed=closed, seen=seen)
        else:
            plain[key] = value
    return _draft_4(plain, closed=closed)


def _draft_4(plain: dict[str, Any], *, closed: bool) -> dict[str, Any]:
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    if plain.get("required") == []:
        del plain["required"]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in plain and not isinstance(plain[exclusive], bool):
            plain[bound], plain[exclusive] = plain[exclusive], True
    if (known := plain.pop("format", None)) and plain.get("type") == "string":
        # A pattern a format makes two formats disjoint, and each a subset of all strings.
        plain.setdefault("pattern", f"^format-{known}$")
    if "oneOf" in plain:
        plain["anyOf"] = plain.pop("oneOf")
    if "properties" in plain or plain.get("type") == "object":
        plain.setdefault("type", "object")
        if closed and "properties" in plain:
            plain.setdefault("additionalProperties", False)
        elif not closed and plain.get("additionalProperties") is False:
            del plain["additionalProperties"]
    return plain


def _look_up(reference: str, root: Schema) -> Any:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found
