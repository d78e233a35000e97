"""Finds breaking changes between two sets of contract documents, for events and HTTP APIs."""

from collections.abc import Iterator, Mapping
from typing import Any

from .compatibility import unreadable
from .compatibility_http import broken_calls

Contracts = Mapping[str, Mapping[str, Any]]


def breaks(old: Contracts, new: Contracts) -> list[str]:
    """Return one sentence for each change from `old` to `new` that breaks a consumer."""
    return list(_breaks(old, new))


def _breaks(old: Contracts, new: Contracts) -> Iterator[str]:
    for path, before in sorted(old.items()):
        kind, _, file = path.partition("/")
        name = file.removesuffix(".json")
        if kind == "schemas":
            yield from (f"event {name}: {found}" for found in _event(before, new.get(path)))
        elif kind == "openapi":
            now = new.get(path, {})
            yield from (f"{name} API: {found}" for found in broken_calls(before, now))


def _event(before: Mapping[str, Any], now: Mapping[str, Any] | None) -> Iterator[str]:
    """Check both directions: old consumers read new events, and new consumers read stored or replayed ones."""
    if now is None:
        yield "is no longer published"
        return
    yield from (f"an old reader cannot read new events, {found}" for found in unreadable(now, before))
    yield from (f"a new reader cannot read old events, {found}" for found in unreadable(before, now))
