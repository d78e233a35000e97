"""Decides whether a changed HTTP API breaks its callers."""

from collections.abc import Iterator, Mapping
from typing import Any

from .compatibility import unreadable

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
Document = Mapping[str, Any]


def broken_calls(old: Document, new: Document) -> list[str]:
    """Return one sentence for each call of `old` that fails against `new`; empty where all calls still work.

    It compares paths and methods, parameters, request bodies and the bodies of 2xx answers. The old caller writes requests that the
    new service reads; the new service writes answers that the old caller reads.
    """
    return list(_broken(old, new))


def _broken(old: Document, new: Document) -> Iterator[str]:
    for path, methods in old.get("paths", {}).items():
        for method in METHODS:
            if method not in methods:
                continue
            call = f"{method.upper()} {path}"
            now = new.get("paths", {}).get(path, {}).get(method)
            if now is None:
                yield f"{call}: is gone"
                continue
            yield from (f"{call}: {found}" for found in _parameters(methods[method], now, old, new))
            yield from (f"{call}: {found}" for found in _request(methods[method], now, old, new))
            yield from (f"{call}: {found}" for found in _answers(methods[method], now, old, new))


def _parameters(before: Document, now: Document, old: Document, new: Document) -> Iterator[str]:
    known, offered = _by_name(before), _by_name(now)
    for (place, name), parameter in offered.items():
        if parameter.get("required") and not known.get((place, name), {}).get("required"):
            yield f"{place} parameter {name} is now required"
    for (place, name), parameter in known.items():
        if (place, name) not in offered:
            yield f"{place} parameter {name} is no longer understood"
            continue
        wanted = offered[place, name].get("schema", {})
        yield from (
            f"{place} parameter {name}, {found}"
            for found in unreadable(parameter.get("schema", {}), wanted, writer_root=old, reader_root=new)
        )


def _by_name(operation: Document) -> dict[tuple[str, str], Document]:
    return {
        (parameter["in"], parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]): parameter
        for parameter in operation.get("parameters", ())
    }


def _request(before: Document, now: Document, old: Document, new: Document) -> Iterator[str]:
    given, wanted = before.get("requestBody", {}), now.get("requestBody", {})
    if wanted.get("required") and not given.get("required"):
        yield "a request body is now required"
    for kind, media in given.get("content", {}).items():
        if kind not in wanted.get("content", {}):
            yield f"a {kind} body is no longer accepted"
            continue
        reader = wanted["content"][kind].get("schema", {})
        yield from (f"request {found}" for found in unreadable(media.get("schema", {}), reader, writer_root=old, reader_root=new))


def _answers(before: Document, now: Document, old: Document, new: Document) -> Iterator[str]:
    for status, answer in before.get("responses", {}).items():
        if not status.startswith("2"):
            continue
        if status not in now.get("responses", {}):
            yield f"never answers {status} any more"
            continue
        given = now["responses"][status].get("content", {})
        for kind, media in answer.get("content", {}).items():
            if kind not in given:
                yield f"{status} answer is no longer {kind}"
                continue
            writer = given[kind].get("schema", {})
            yield from (
                f"{status} answer {found}" for found in unreadable(writer, media.get("schema", {}), writer_root=new, reader_root=old)
            )
